import type { Note, NoteKind, Omission, OmissionReason } from "../rate-file.js";

/** Collects what a reader leaves out, and what an operator should look at. */
export type Report = {
  readonly omitted: readonly Omission[];
  readonly notes: readonly Note[];
  /** Leaves out an entry, or one field of it. */
  readonly omit: (
    entry: string,
    reason: OmissionReason,
    about?: { readonly field?: string; readonly detail?: string },
  ) => void;
  readonly note: (
    entry: string,
    kind: NoteKind,
    about: { readonly field: string; readonly value: string; readonly detail?: string },
  ) => void;
  /** Adds everything that another report has collected. */
  readonly add: (report: Report) => void;
};

export function createReport(): Report {
  const omitted: Omission[] = [];
  const notes: Note[] = [];
  return {
    omitted,
    notes,
    omit: (entry, reason, about = {}) => omitted.push({ entry, reason, ...about }),
    note: (entry, kind, about) => notes.push({ entry, kind, ...about }),
    add: (report) => {
      for (const each of report.omitted) omitted.push(each);
      for (const each of report.notes) notes.push(each);
    },
  };
}
