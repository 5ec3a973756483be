import { expect } from "chai";
import type { Browser } from "playwright-core";
import type { Checks } from "../checks.js";
import { launchChromium, openPage } from "./chromium.js";
import type { WebProtocol } from "./page.js";

/** Where the page comes from, and whom it calls. */
export type Sites = {
  /** In CORS_ORIGINS of the service, and not. */
  readonly listedOrigin: string;
  readonly otherOrigin: string;
  readonly serviceUrl: string;
  /** A service without CORS_ORIGINS. */
  readonly closedUrl: string;
};

/** Checks that a page in Chromium calls the HTTP server from an allowed origin, and only from there. */
export async function checkBrowser(checks: Checks, sites: Sites): Promise<void> {
  let browser: Browser | undefined;
  await checks.check("chromium starts", async () => {
    browser = await launchChromium();
  });
  if (browser === undefined) return;
  try {
    for (const protocol of protocols) await checkProtocol(checks, browser, protocol, sites);
  } finally {
    await browser.close();
  }
}

async function checkProtocol(
  { check }: Checks,
  browser: Browser,
  protocol: WebProtocol,
  { listedOrigin, otherOrigin, serviceUrl, closedUrl }: Sites,
): Promise<void> {
  await check(`a page calls by ${protocol}`, async () => {
    const { calculate, complaints } = await openPage(browser, listedOrigin);
    const seen = await calculate(protocol, serviceUrl, model);
    expect(seen, complaints.join("\n")).to.deep.equal({ accountCharge: "312.8125" });
  });
  await check(`a page reads by ${protocol} what is missing`, async () => {
    const { calculate } = await openPage(browser, listedOrigin);
    const seen = await calculate(protocol, serviceUrl, "claude-sonnet-4");
    expect(seen).to.deep.include({ code: "NotFound", reason: "PRICE_NOT_FOUND" });
    expect("metadata" in seen && seen.metadata).to.include({
      key: "completion/anthropic/claude-sonnet-4",
      nearest_1: "completion/anthropic/claude-sonnet-4-5",
    });
  });
  const blocked = {
    "where CORS_ORIGINS does not list its origin": [otherOrigin, serviceUrl],
    "where CORS_ORIGINS is not set": [listedOrigin, closedUrl],
  } as const;
  for (const [where, [origin, url]] of Object.entries(blocked)) {
    await check(`a browser blocks a page ${protocol} ${where}`, async () => {
      const { calculate, complaints } = await openPage(browser, origin);
      const seen = await calculate(protocol, url, model);
      expect(seen).to.deep.include({ code: "Unknown", message: "Failed to fetch" });
      expect(complaints.join("\n")).to.include("blocked by CORS policy").and.include(origin);
    });
  }
}

const protocols = ["Connect-Web", "Connect-Web, binary", "Connect-Web, GET", "gRPC-Web"] as const;
const model = "claude-sonnet-4-5";
