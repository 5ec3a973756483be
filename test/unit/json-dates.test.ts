import { createFileRegistry, fromJson } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
} from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import fc from "fast-check";
import { services } from "../../src/server/calls/service-names.js";
import { findImpossibleDate } from "../../src/server/connect/json-dates.js";
import { timestampPaths, toJson } from "../support/timestamp-paths.js";

const impossible = ["2026-02-29", "2026-02-30", "2026-04-31", "2100-02-29", "2025-11-31"];
const possible = ["2028-02-29", "2000-02-29", "2026-02-28", "2026-04-30", "2026-12-31"];

describe("findImpossibleDate", () => {
  const inputs = services.flatMap(({ methods }) => methods.map(({ input }) => input));
  for (const input of new Set(inputs)) {
    for (const path of timestampPaths(input)) {
      const where = path.map(({ name }) => name).join(".");

      it(`finds a day that its month does not have: ${input.name}: ${where}`, () => {
        const day = fc.constantFrom(...impossible);
        const time = fc.constantFrom("T00:00:00Z", "T23:59:59.999999999+14:00");
        const names = fc.constantFrom("name", "jsonName") as fc.Arbitrary<"name" | "jsonName">;
        const spaces = fc.constantFrom(0, 2, "\t\n");
        const property = fc.property(day, time, names, spaces, (date, end, name, space) => {
          const json = JSON.stringify(toJson(path, date + end, name), null, space);
          expect(findImpossibleDate(input, json)?.description).to.include(date);
        });
        fc.assert(property, { numRuns: 40 });
      });

      it(`takes every day that there is: ${input.name}: ${where}`, () => {
        for (const date of possible) {
          const json = JSON.stringify(toJson(path, `${date}T00:00:00Z`, "jsonName"));
          expect(findImpossibleDate(input, json)).to.equal(undefined);
        }
      });
    }
  }

  const message = describedMessage();
  const found: Readonly<Record<string, object>> = {
    "list[1]": { list: ["2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z"] },
    "byName[a]": { by_name: { a: "2026-02-30T00:00:00Z" } },
    "inner.inner.at": { inner: { inner: { at: "2026-02-30T00:00:00Z" } } },
    "one.at": { one: { at: "2026-02-30T00:00:00Z" } },
  };
  for (const [where, json] of Object.entries(found)) {
    it(`looks into lists, maps, oneofs and messages that contain themselves: ${where}`, () => {
      const { description } = findImpossibleDate(message, JSON.stringify(json)) ?? {};
      expect(description).to.include("2026-02-30");
    });
  }

  it("finds what is written with escapes", () => {
    const json = '{"\\u0061t": "2026-02-3\\u0030T00:00:00Z"}';
    const { field, description } = findImpossibleDate(message, json) ?? {};
    expect(field).to.equal("at");
    expect(description).to.include("is 2026-02-30T");
  });

  it("leaves texts alone that are no Timestamp, and what is no JSON", () => {
    for (const json of [
      '{"text": "2026-02-30T00:00:00Z"}',
      '{"at": "2026-02-30T00:00:00Z"',
      "[]",
    ]) {
      expect(findImpossibleDate(message, json)).to.equal(undefined);
    }
  });
});

/** A message with Timestamps in all places where a field can have one. */
function describedMessage() {
  const time = { type: "TYPE_MESSAGE", typeName: ".google.protobuf.Timestamp" };
  const self = { type: "TYPE_MESSAGE", typeName: ".test.M" };
  const one = { label: "LABEL_OPTIONAL" };
  const entry = {
    name: "ByNameEntry",
    field: [
      { name: "key", number: 1, type: "TYPE_STRING", ...one },
      { name: "value", number: 2, ...time, ...one },
    ],
    options: { mapEntry: true },
  };
  const fields = [
    { name: "at", number: 1, ...time, ...one },
    { name: "list", number: 2, ...time, label: "LABEL_REPEATED" },
    {
      name: "by_name",
      number: 3,
      ...self,
      typeName: ".test.M.ByNameEntry",
      label: "LABEL_REPEATED",
    },
    { name: "inner", number: 4, ...self, ...one, oneofIndex: 0 },
    { name: "one", number: 5, ...self, ...one, oneofIndex: 0 },
    { name: "text", number: 6, type: "TYPE_STRING", ...one },
  ];
  const file = fromJson(FileDescriptorProtoSchema, {
    ...{ name: "test.proto", package: "test", syntax: "proto3" },
    dependency: ["google/protobuf/timestamp.proto"],
    messageType: [
      { name: "M", field: fields, nestedType: [entry], oneofDecl: [{ name: "choice" }] },
    ],
  });
  const set = { $typeName: FileDescriptorSetSchema.typeName } as const;
  const registry = createFileRegistry({
    ...set,
    file: [file_google_protobuf_timestamp.proto, file],
  });
  const found = registry.getMessage("test.M");
  if (found === undefined) throw new Error("test.M is described above");
  return found;
}
