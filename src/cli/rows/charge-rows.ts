import type { MessageInitShape } from "@bufbuild/protobuf";
import { FieldErrors } from "../../domain/field-errors.js";
import { RoundingMode } from "../../gen/llmprices/v1/charge_pb.js";
import type { CalculateChargeRequestSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { UsageFormat } from "../../gen/llmprices/v1/usage_pb.js";
import type { Columns, Fields } from "../files/record.js";
import { parseTime } from "../output/times.js";
import type { BadRow, RowParser } from "./sent-rows.js";

export type ChargeRow = MessageInitShape<typeof CalculateChargeRequestSchema>;

/** The columns of a file of charges to calculate. */
export const chargeRowColumns: Columns = {
  required: ["charge_type", "provider", "model"],
  optional: [
    ...["account_id", "price_list", "provider_cost", "account_usage_ratio", "usage", "total_usage"],
    ...["as_of", "currency_code", "scale", "mode", "reference"],
    ...["usage_json", "usage_format", "service_tier", "region"],
  ],
};

/**
 * Parses a row of charges to calculate. Decimals stay text: the service parses them. A row without a ratio
 * is a charge for the whole cost.
 */
export const chargeRowParser: RowParser<ChargeRow> = {
  toRow: (fields: Fields): ChargeRow | BadRow => {
    const { charge_type: chargeType = "", provider = "", model = "", reference = "" } = fields;
    const { account_id: accountId = "", price_list: priceList = "", as_of: asOf } = fields;
    const errors = new FieldErrors();
    const time = errors.read(() => (asOf === undefined ? undefined : parseTime("as_of", asOf)));
    const { rounding, problems } = toRounding(fields);
    const used = toUsed(fields);
    const all = [...errors.violations, ...problems, ...used.problems];
    if (all.length > 0) return { problems: all };
    return {
      ...{ chargeType, provider, model, accountId, priceList, reference },
      ...{ providerCost: fields.provider_cost ?? "", currencyCode: fields.currency_code ?? "" },
      usageRatio: toRatio(fields),
      ...(time && { asOf: time }),
      ...(rounding && { rounding }),
      ...(used.usage && { usage: used.usage }),
    };
  },
  // The service counts it as an error.
  invalidRow: {},
};

function toRatio({ account_usage_ratio: ratio, usage, total_usage }: Fields) {
  if (usage === undefined && total_usage === undefined)
    return { case: "accountUsageRatio", value: ratio ?? "1" } as const;
  const value = { usage: usage ?? "", totalUsage: total_usage ?? "" };
  return { case: "accountUsage", value } as const;
}

function toRounding({ scale, mode }: Fields) {
  if ((scale ?? mode) === undefined) return { rounding: undefined, problems: [] };
  const known = mode === undefined ? undefined : findName(RoundingMode, mode);
  const problems = [
    ...(scale === undefined || /^\d{1,2}$/.test(scale)
      ? []
      : [{ field: "scale", description: `is ${JSON.stringify(scale)}; expected 0 to 18` }]),
    ...(mode === undefined || known !== undefined ? [] : [unknownName("mode", mode, "HALF_EVEN")]),
  ];
  const rounding = {
    ...(scale !== undefined && { scale: Number(scale) }),
    ...(known !== undefined && { mode: known }),
  };
  return { rounding, problems };
}

function toUsed({ usage_json: rawJson, usage_format: format, service_tier, region }: Fields) {
  if ((rawJson ?? format) === undefined) return { usage: undefined, problems: [] };
  const known = findName(UsageFormat, (format ?? "").toUpperCase().replaceAll("-", "_"));
  if (known === undefined)
    return { usage: undefined, problems: [unknownName("usage_format", format, "openai-chat")] };
  const usage = {
    ...{ format: known, rawJson: rawJson ?? "" },
    ...{ serviceTier: service_tier ?? "", region: region ?? "" },
  };
  return { usage, problems: [] };
}

function findName<E extends Readonly<Record<string, string | number>>>(names: E, name: string) {
  const value = /^[A-Z_]+$/.test(name) ? names[name] : undefined;
  return typeof value === "number" && value > 0 ? value : undefined;
}

function unknownName(field: string, name: string | undefined, example: string) {
  const found = name === undefined ? "is missing" : `is ${JSON.stringify(name)}`;
  return { field, description: `${found}; expected a name such as ${example}` };
}
