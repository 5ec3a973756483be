/** The setting, visible on the server's command line, that names the process which started it. */
export const OWNER_SETTING = "llmprices.owner_pid";

/** Loopback only: the server is for this process. */
export const HOST = "127.0.0.1";

/** The server's command line: our settings, and `settings` beside or instead of them. */
export function toArguments(port: number, settings: Readonly<Record<string, string>>): string[] {
  const all = {
    listen_addresses: HOST,
    port: String(port),
    // Socket paths are limited to about 100 characters, and a data folder's may be longer.
    unix_socket_directories: "",
    max_connections: "100",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
    log_checkpoints: "off",
    ...settings,
    [OWNER_SETTING]: String(process.pid),
  };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
