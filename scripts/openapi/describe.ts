import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  ScalarType,
} from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";
import { toText } from "../docs/messages.js";
import { exampleRequests } from "./examples.js";

type Schema = Readonly<Record<string, unknown>>;

/**
 * Returns an OpenAPI 3.1 description of the unary methods over JSON: POST /package.Service/Method, as the
 * Connect protocol has it. OpenAPI cannot describe streams.
 */
export function describeJsonApi(files: readonly DescFile[], version: string): Schema {
  const methods = files
    .flatMap(({ services }) => services)
    .flatMap((service) => service.methods)
    .filter(({ methodKind }) => methodKind === "unary");
  const schemas: Record<string, Schema> = { ...errorSchemas };
  for (const { input, output } of methods) {
    addMessage(input, schemas);
    addMessage(output, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "LLMPrices",
      version,
      description:
        "Keeps the markup price of every LLM charge, and calculates charges exactly. Decimals are strings. " +
        "Streams (ImportLLMPrices, StreamAllocateCharges, RepriceCharges, WatchLLMPriceChanges) are not " +
        "described here.",
    },
    paths: Object.fromEntries(methods.map((method) => [pathOf(method), describeMethod(method)])),
    components: {
      schemas,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
    // A service for one machine may have no tokens.
    security: [{ token: [] }, {}],
  };
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

function describeMethod(method: DescMethod): Schema {
  const json = (schema: Schema, example?: object) => ({
    content: { "application/json": { schema, ...(example && { example }) } },
  });
  const text = toText(getComments(method).leading);
  return {
    post: {
      operationId: method.name,
      tags: [method.parent.name],
      summary: text.split(/(?<=\.)\s/, 1)[0],
      description: text,
      requestBody: { required: true, ...json(refTo(method.input), exampleRequests[method.name]) },
      responses: {
        "200": { description: "The response.", ...json(refTo(method.output)) },
        default: {
          description: "The error: its code, its message, and details of google.rpc.",
          ...json({ $ref: "#/components/schemas/connect.error" }),
        },
      },
    },
  };
}

/** Adds the schemas of a message and of everything in it. */
function addMessage(message: DescMessage, schemas: Record<string, Schema>): void {
  if (schemas[message.typeName] !== undefined || message.typeName in wellKnown) return;
  const properties: Record<string, Schema> = {};
  schemas[message.typeName] = {
    type: "object",
    description: toText(getComments(message).leading),
    properties,
    additionalProperties: false,
  };
  for (const field of message.fields) {
    if (field.message !== undefined) addMessage(field.message, schemas);
    if (field.enum !== undefined) schemas[field.enum.typeName] = describeEnum(field.enum);
    const description = toText(getComments(field).leading);
    properties[field.jsonName] = { ...schemaOf(field), ...(description && { description }) };
  }
}

function describeEnum({ values }: DescEnum): Schema {
  return { type: "string", enum: values.map(({ name }) => name) };
}

function schemaOf(field: DescField): Schema {
  if (field.fieldKind === "map")
    return { type: "object", additionalProperties: schemaOfValue(field) };
  return field.fieldKind === "list"
    ? { type: "array", items: schemaOfValue(field) }
    : schemaOfValue(field);
}

function schemaOfValue(field: DescField): Schema {
  if (field.message !== undefined) return refTo(field.message);
  if (field.enum !== undefined) return refTo(field.enum);
  switch (field.scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return { type: "integer", format: "int32" };
    case ScalarType.INT64:
    case ScalarType.UINT64:
      // JSON numbers lose digits above 2^53.
      return { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    default:
      return { type: "string" };
  }
}

function refTo({ typeName }: DescMessage | DescEnum): Schema {
  return wellKnown[typeName] ?? { $ref: `#/components/schemas/${typeName}` };
}

/** Messages whose JSON is not an object of their fields. */
const wellKnown: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string" } },
    required: ["@type"],
  },
};

const errorSchemas: Readonly<Record<string, Schema>> = {
  "connect.error": {
    type: "object",
    properties: {
      code: { type: "string", description: "The code in lower case: not_found." },
      message: { type: "string", description: "What is wrong, for a person." },
      details: { type: "array", items: { $ref: "#/components/schemas/connect.error_detail" } },
    },
    required: ["code"],
  },
  "connect.error_detail": {
    type: "object",
    properties: {
      type: { type: "string", description: "google.rpc.ErrorInfo, google.rpc.BadRequest, …" },
      value: { type: "string", description: "The message as base64." },
      debug: { type: "object", description: "The message as JSON, to read." },
    },
    required: ["type", "value"],
  },
};
