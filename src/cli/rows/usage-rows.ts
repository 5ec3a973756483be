import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AllocationUsageSchema } from "../../gen/llmprices/v1/allocation_pb.js";
import type { Columns } from "../files/record.js";
import type { RowParser } from "./sent-rows.js";

export type UsageRow = MessageInitShape<typeof AllocationUsageSchema>;

/** The columns of a file of usages. */
export const usageColumns: Columns = { required: ["account_id", "usage"], optional: [] };

/** The columns of the charges. */
export const chargeColumns = ["account_id", "account_charge"] as const;

/** Parses a row of a file of usages. Checks only what would make a message too large. */
export const usageRowParser: RowParser<UsageRow> = {
  toRow: ({ account_id: accountId = "", usage = "" }) => {
    const tooLong = [accountId, usage].find((text) => text.length > maxLength);
    if (tooLong === undefined) return { accountId, usage };
    const description = `has a value of ${tooLong.length} characters; allowed: at most ${maxLength}`;
    return { problems: [{ field: "", description }] };
  },
  invalidRow: { accountId: "", usage: "0" },
};

/** Of an account id with 255 characters that UTF-16 encodes in two units each. */
const maxLength = 510;
