/** The setting with the pid of the process that started the server; the command line shows it. */
export const OWNER_SETTING = "llmprices.owner_pid";

/** Loopback only, because only this service uses the server. */
export const HOST = "127.0.0.1";

/** After this time a fast shutdown (SIGINT) becomes an immediate one (SIGQUIT). */
export const FAST_SHUTDOWN_MS = 10_000;

/** Returns the server's arguments: the default settings, extended or overridden by `settings`. */
export function toArguments(port: number, settings: Readonly<Record<string, string>>): string[] {
  const all = {
    listen_addresses: HOST,
    port: String(port),
    // Socket paths are limited to about 100 characters, and the data directory's may be longer.
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
