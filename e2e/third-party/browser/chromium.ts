import { type Browser, chromium } from "playwright-core";
import { findCommand } from "../command.js";
import type { calculate } from "./page.js";

/** A page in a browser: what it calls, and what the browser says of it on its console. */
export type OpenPage = { readonly calculate: typeof calculate; readonly complaints: string[] };

/** Starts headless Chromium with a temporary profile. */
export function launchChromium(): Promise<Browser> {
  const executablePath = findCommand("chromium");
  if (executablePath === undefined) throw new Error("chromium is not on the PATH");
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args });
}

/** Opens a site's page in a context that shares nothing with others, and waits for its script. */
export async function openPage(browser: Browser, origin: string): Promise<OpenPage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  await page.goto(origin);
  await page.waitForFunction("'calculate' in globalThis");
  return {
    complaints,
    calculate: (...call) => page.evaluate(`calculate(...${JSON.stringify(call)})`),
  };
}

// It is to ask nobody but the sites that it is sent to.
const args = [
  ...["--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update"],
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
