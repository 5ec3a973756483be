import type { RequestListener } from "node:http";
import { cors as connectCors } from "@connectrpc/connect";
import cors from "cors";
import type { Origins } from "../../config/origins.js";
import { requestIdHeader } from "../calls/request-id.js";

/**
 * Allows pages of these origins to call `listener` and to read its responses. Other origins get no
 * CORS headers, so their browsers block the call.
 */
export function allowOrigins(origins: Origins, listener: RequestListener): RequestListener {
  if (origins.size === 0) return listener;
  const allow = cors({
    origin: (origin, callback) => callback(null, origin !== undefined && origins.has(origin)),
    methods: [...connectCors.allowedMethods],
    // No `credentials`: they are for cookies, and pages set the token header themselves.
    allowedHeaders: [...requestHeaders, ...connectCors.allowedHeaders],
    exposedHeaders: [requestIdHeader, ...connectCors.exposedHeaders],
    maxAge: maxAgeSeconds,
  });
  return (request, response) => {
    // A cache must not reuse the response for another origin, even if it has no CORS headers.
    response.setHeader("vary", "origin");
    allow(request, response, () => listener(request, response));
  };
}

const requestHeaders = ["authorization", requestIdHeader, "traceparent", "tracestate"];
/** How long a browser may cache a preflight response: the maximum of Chromium. */
const maxAgeSeconds = 7200;
