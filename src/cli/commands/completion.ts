import {
  type Complete,
  RootCommand,
  ShellCompDirective,
  script,
  type Command as TabCommand,
} from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";

/** Prints the script that makes a shell ask `llmprices complete` when Tab is pressed. */
export function printCompletionScript(shell: string): void {
  script(shell, "llmprices", "llmprices");
  // The library's own registration never comes to files, not even where nothing else fits.
  if (shell === "bash") console.log("complete -o default -F __llmprices_complete llmprices");
}

/** Answers a shell: what could stand for the last of the words, or that it is a file's name. */
export function complete(program: Command, words: readonly string[]): void {
  const root = new RootCommand();
  let wantsFiles = false;
  const onFile = () => {
    wantsFiles = true;
  };
  // The library tells every shell not to complete names of files.
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

/** All commands below, by their words. */
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

function toHandler(of: Option | Argument, onFile: () => void) {
  const isFile = "flags" in of ? of.flags.includes("<file>") : of.name() === "file";
  if (isFile) return onFile;
  return (suggest: Complete) => {
    for (const choice of of.argChoices ?? []) suggest(choice, "");
  };
}
