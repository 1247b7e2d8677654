/** Returns the token of a request's header `Authorization` (RFC 6750); undefined without one. */
export function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}
