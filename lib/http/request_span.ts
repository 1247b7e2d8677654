import { type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ipOf } from "../io/address.ts";

const tracer = trace.getTracer("edge");

/** What may be told about a request. */
export interface RequestSubject {
  readonly method: string;
  /** Without query and stream keys. */
  readonly path: string;
  /** Address and port of the client. */
  readonly remote: string;
}

/**
 * Runs `answer` within an OpenTelemetry span, which becomes the parent of requests made meanwhile.
 * The runtime exports spans with `OTEL_DENO=true` (see `docs/http.md`); otherwise they cost
 * nothing. Names and attributes follow the conventions for HTTP servers, without the query, which
 * often holds a token.
 */
export function withSpan(
  { method, path, remote }: RequestSubject,
  answer: () => Promise<Response>,
): Promise<Response> {
  const attributes = {
    "http.request.method": method,
    "url.scheme": "http",
    "url.path": path,
    "client.address": ipOf(remote),
  };
  return tracer.startActiveSpan(method, { kind: SpanKind.SERVER, attributes }, async (span) => {
    const response = await answer();
    endSpan(span, response.status);
    return response;
  });
}

function endSpan(span: Span, status: number): void {
  span.setAttribute("http.response.status_code", status);
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
