package caddymodule

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// completions makes a shell complete the values of a command: those of arguments
// by the words in its Use, <provider> and those with "file" in them, and those of
// flags by their names. A command that knows better registers its own before.
func completions(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = completeArgs(strings.Fields(cmd.Use)[1:])
	}
	register := func(f *pflag.Flag) {
		if _, ok := cmd.GetFlagCompletionFunc(f.Name); ok {
			return
		}
		if how := completeFlag(f); how != nil {
			completeBy(cmd, f.Name, how)
		}
	}
	cmd.LocalFlags().VisitAll(register)
}

// completeFlag returns how the value of a flag is completed; nil means files.
func completeFlag(f *pflag.Flag) cobra.CompletionFunc {
	switch kind, _ := pflag.UnquoteUsage(f); {
	case kind == "file" || kind == "directory" || f.Name == "body" || f.Name == "out":
		return nil
	case f.Name == "context":
		return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return natspub.Contexts(), cobra.ShellCompDirectiveNoFileComp
		}
	case f.Name == "option" || f.Name == "option-env":
		return completeOption(f.Name == "option-env")
	case f.Name == "provider":
		return completeName
	case f.Name == "bundled":
		return values(bundled.Providers()...)
	case f.Name == "kind":
		return values(cli.Kinds...)
	case f.Name == "stream":
		return values(cli.DefaultStream, quarantineName, unverifiedName, opsName)
	}
	return cobra.NoFileCompletions
}

// completeValues completes the value of a flag to one of a few.
func completeValues(cmd *cobra.Command, flag string, list ...string) {
	completeBy(cmd, flag, values(list...))
}

// completeOptions completes name=value of a flag for the provider that is the first
// argument: of --option, or of --option-env, where the value is an environment
// variable.
func completeOptions(cmd *cobra.Command, flag string) {
	completeBy(cmd, flag, completeOption(flag == "option-env"))
}

func completeBy(cmd *cobra.Command, flag string, how cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, how); err != nil {
		panic(err) // there is no such flag, or it was done before
	}
}

// completeProvider completes the name of a provider, and a file as the argument of
// that index.
func completeProvider(file int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return completeName(cmd, args, typed)
		case file:
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// values completes one of a few values.
func values(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// completeName completes the name of a provider, with its title beside it. Of
// the aliases those are offered that begin as what was typed does, if no name does.
func completeName(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names, aliases []cobra.Completion
	for _, p := range providers.All() {
		if strings.HasPrefix(p.Name, typed) {
			names = append(names, cobra.CompletionWithDesc(p.Name, p.Title))
		}
		for _, alias := range p.Aliases {
			if strings.HasPrefix(alias, typed) {
				aliases = append(aliases, cobra.CompletionWithDesc(alias, p.Title))
			}
		}
	}
	if len(names) == 0 {
		names = aliases
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeOption completes name=value for the provider that is the first argument,
// or that --provider names. The value is an example of the option's, or for secret
// ones, which are no arguments, with byVariable that of an environment variable.
func completeOption(byVariable bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		name := ""
		if f := cmd.Flag("provider"); f != nil {
			name = f.Value.String()
		} else if len(args) > 0 {
			name = args[0]
		}
		p, _ := providers.Lookup(name)
		var list []cobra.Completion
		for _, o := range p.Options {
			switch option := o.Name + "="; {
			case o.Secret && !byVariable:
			case strings.HasPrefix(typed, option):
				if o.Example != "" && !byVariable {
					list = append(list, option+o.Example)
				}
			case strings.HasPrefix(option, typed):
				list = append(list, cobra.CompletionWithDesc(option, o.Doc))
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeArgs completes arguments by the words that Use has for them. A word with
// "..." is for all that follow.
func completeArgs(words []string) cobra.CompletionFunc {
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(strings.TrimLeft(w, "["), "-") || w == "|" })
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		word := ""
		switch {
		case len(args) < len(words):
			word = words[len(args)]
		case len(words) > 0 && strings.Contains(words[len(words)-1], "..."):
			word = words[len(words)-1]
		}
		switch {
		case strings.Contains(word, "provider"):
			return completeName(cmd, args, typed)
		case strings.Contains(word, "file") || strings.Contains(word, "directory") || word == "<old>" || word == "<new>":
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}
