import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A web site with our page, on another origin than the service. */
export type Site = { readonly origin: string; readonly close: () => void };

/** Bundles page.ts and its imports to a script for a browser. */
export async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("page.ts", import.meta.url))],
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** Serves the script in a page on a free port. */
export async function openSite(script: string): Promise<Site> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const html =
  '<!doctype html><title>LLMPrices</title><script type="module" src="/page.js"></script>';
