import { type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ipOf } from "../io/address.ts";
import { pathOf } from "./request_head.ts";

const tracer = trace.getTracer("edge");

/**
 * Runs `answer` within an OpenTelemetry span, which becomes the parent of requests made meanwhile.
 * The runtime exports spans with `OTEL_DENO=true` (see `docs/http.md`); otherwise they cost
 * nothing. Names and attributes follow the conventions for HTTP servers, without the query, which
 * often holds a token.
 */
export function withSpan(
  request: Request,
  remote: string,
  answer: () => Promise<Response>,
): Promise<Response> {
  const { method, url } = request;
  const attributes = {
    "http.request.method": method,
    "url.scheme": "http",
    "url.path": pathOf(url),
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
