import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../../support/http2-frames.js";
import type { Abuse } from "../abuse.js";
import { send, sendRepeatedly } from "../abuser/raw-connections.js";
import { withBothListeners } from "./unauthenticated.js";

/** The frames of HTTP/2 that belong to no call. */
const controlFrames = {
  settings: http2Frame(frameType.settings, 0, 0),
  ping: http2Frame(frameType.ping, 0, 0, Buffer.alloc(8)),
  priority: http2Frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 3, 10])),
  "window-update": http2Frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])),
};

/** Floods of control frames: of all kinds together, of each kind, and by a caller with a token. */
export const controlFrameAbuses: readonly Abuse[] = [
  {
    name: "control-frames",
    what: "HTTP/2 frames of SETTINGS, PING, PRIORITY and WINDOW_UPDATE without calls",
    run: (context) => flood(context, Object.values(controlFrames)),
  },
  ...Object.entries(controlFrames).map(([kind, frame]) => ({
    name: `${kind}-frames`,
    what: `HTTP/2 frames of one kind without calls: ${kind}`,
    run: (context: Context) => flood(context, [frame]),
  })),
  {
    name: "frames-with-token",
    what: "HTTP/2 frames of SETTINGS and PING after a call with a token",
    run: (context) => {
      const authorization = ["authorization", `Bearer ${context.tokens.calculate}`] as const;
      const headers = [
        ...callHeaders(pathOf(CatalogService.method.listChargeTypes)),
        authorization,
      ];
      const call = [
        http2Frame(frameType.headers, endHeaders, 1, headerBlock(headers)),
        http2Frame(frameType.data, endStream, 1, Buffer.alloc(5)),
      ];
      const { settings, ping } = controlFrames;
      return flood(context, [settings, ping], Buffer.concat(call));
    },
  },
];

type Context = Parameters<Abuse["run"]>[0];

function flood(context: Context, frames: readonly Buffer[], first: Buffer = Buffer.alloc(0)) {
  // Node disconnects a client that sends more than 1000 at once.
  const floods = frames.map((frame) => Buffer.concat(Array.from({ length: 500 }, () => frame)));
  return withBothListeners(context, 10, async (socket, line) => {
    await send(socket, Buffer.concat([beginning, first])).catch(() => {});
    const bytes = floods[line % floods.length] as Buffer;
    await sendRepeatedly(() => send(socket, bytes));
  });
}
