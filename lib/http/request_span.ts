/**
 * Requests as spans of OpenTelemetry, which the runtime exports when it is told to
 * (`OTEL_DENO=true`, see `docs/http.md`) and which are nothing otherwise. Names and attributes are
 * its conventions for HTTP servers; the query is left out, for it often holds a token.
 */

import { type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ipOf } from "../io/address.ts";
import { pathOf } from "./request_head.ts";

const tracer = trace.getTracer("edge");

/** Runs `answer` within a span; what it asks others meanwhile belongs to it. */
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
