/** Names a stream across vhosts: different streams have different names. */
export function qualifiedName(vhost: string, name: string): string {
  return `${vhost.length} ${vhost} ${name}`;
}
