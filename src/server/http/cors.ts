import type { RequestListener } from "node:http";
import { cors as connectCors } from "@connectrpc/connect";
import cors from "cors";
import type { Origins } from "../../config/origins.js";
import { requestIdHeader } from "../calls/request-id.js";

/**
 * Lets pages of these origins call what `listener` serves, and read its answers. To all others it
 * says nothing of CORS, so that their browsers refuse.
 */
export function allowOrigins(origins: Origins, listener: RequestListener): RequestListener {
  if (origins.size === 0) return listener;
  const allow = cors({
    origin: (origin, answer) => answer(null, origin !== undefined && origins.has(origin)),
    methods: [...connectCors.allowedMethods],
    // Pages send their token themselves: `credentials` would be for cookies.
    allowedHeaders: [...ourHeaders, ...connectCors.allowedHeaders],
    exposedHeaders: [requestIdHeader, ...connectCors.exposedHeaders],
    maxAge: maxAgeSeconds,
  });
  return (request, response) => {
    // What one origin was answered is not for another, also when it was nothing.
    response.setHeader("vary", "origin");
    allow(request, response, () => listener(request, response));
  };
}

const ourHeaders = ["authorization", requestIdHeader, "traceparent", "tracestate"];
/** How long a browser need not ask again: the longest that Chromium remembers. */
const maxAgeSeconds = 7200;
