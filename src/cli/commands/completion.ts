import {
  type Complete,
  RootCommand,
  ShellCompDirective,
  script,
  type Command as TabCommand,
} from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";

/** Prints the script that makes a shell run `llmprices complete` when Tab is pressed. */
export function printCompletionScript(shell: string): void {
  script(shell, "llmprices", "llmprices");
  // The library's own registration never completes file names. `-o default` does so when no other
  // completion matches.
  if (shell === "bash") console.log("complete -o default -F __llmprices_complete llmprices");
}

/** Prints the completions of the last word, or the directive to complete file names. */
export function complete(program: Command, words: readonly string[]): void {
  const root = new RootCommand();
  let wantsFiles = false;
  const onFile = () => {
    wantsFiles = true;
  };
  // The library always sends the directive not to complete file names.
  Object.defineProperty(root, "directive", {
    get: () =>
      wantsFiles
        ? ShellCompDirective.ShellCompDirectiveDefault
        : ShellCompDirective.ShellCompDirectiveNoFileComp,
    set: () => {},
  });
  describe(root, program, onFile);
  for (const [path, command] of commandsOf(program)) {
    describe(root.command(path, command.description()), command, onFile);
  }
  root.parse([...words]);
}

/** Returns all visible subcommands, at every level, by their full names. */
function commandsOf(parent: Command, prefix = ""): (readonly [string, Command])[] {
  return parent
    .createHelp()
    .visibleCommands(parent)
    .flatMap((command) => {
      const path = `${prefix}${command.name()}`;
      return [[path, command] as const, ...commandsOf(command, `${path} `)];
    });
}

function describe(target: TabCommand, command: Command, onFile: () => void): void {
  for (const option of command.createHelp().visibleOptions(command)) {
    const name = option.long?.slice(2);
    if (name === undefined) continue;
    const takesValue = option.required || option.optional;
    if (takesValue) target.option(name, option.description, toHandler(option, onFile));
    else target.option(name, option.description);
  }
  for (const argument of command.registeredArguments) {
    target.argument(argument.name(), toHandler(argument, onFile), argument.variadic);
  }
}

function toHandler(parameter: Option | Argument, onFile: () => void) {
  const isFile =
    "flags" in parameter ? parameter.flags.includes("<file>") : parameter.name() === "file";
  if (isFile) return onFile;
  return (suggest: Complete) => {
    for (const choice of parameter.argChoices ?? []) suggest(choice, "");
  };
}
