/**
 * Returns the token of a request's header `Authorization` (RFC 6750); undefined without one. It may
 * have any characters: a configured one may, too.
 */
export function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S.*?) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}
