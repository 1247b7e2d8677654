/** One text for a vhost and a stream's name: no two streams have the same, whatever is in their names. */
export function qualifiedName(vhost: string, name: string): string {
  return `${vhost.length} ${vhost} ${name}`;
}
