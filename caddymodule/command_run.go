package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// Exit statuses of all commands; docs/cli.md explains them.
const (
	exitNo          = 1 // done, and the answer is no; or something failed on the way
	exitUsage       = 2 // asked wrongly
	exitUnreachable = 3
	exitDenied      = 4
	exitInterrupted = 130
)

// exitStatus returns the exit status for an error.
func exitStatus(err error) int {
	_, ofFile := errors.AsType[*fs.PathError](err)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, cli.ErrUsage):
		return exitUsage
	case errors.Is(err, cli.ErrDenied):
		return exitDenied
	case errors.Is(err, cli.ErrUnreachable):
		return exitUnreachable
	case ofFile: // that an argument or a flag names
		return exitUsage
	}
	return exitNo
}

var errInterrupted = errors.New("interrupted")

// runE makes a function of a command what cobra calls. Its context ends with Ctrl-C
// or SIGTERM, and a second one ends the process. Its error is printed in one line,
// [cli.ErrNo] excepted, and has the exit status that exitStatus says. An error of one
// that was interrupted is 130.
func runE(do func(ctx context.Context, cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		err := do(ctx, cmd, args)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
			err = errInterrupted
		case ctx.Err() != nil:
			err = &wrapped{err, errInterrupted}
		}
		return failure(cmd, err)
	}
}

// yesNo is the error of a command that says yes or no.
func yesNo(yes bool, err error) error {
	if err == nil && !yes {
		return cli.ErrNo
	}
	return err
}

// failure returns an error that ends the process with the status for err.
func failure(cmd *cobra.Command, err error) error {
	if errors.Is(err, cli.ErrNo) {
		cmd.SilenceErrors = true // the output has said it
	}
	status := exitStatus(err)
	exit := caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })(cmd, nil)
	return &wrapped{err, exit} // exit is nil for 1, which is the status of all others
}

// wrapped is an error that something else belongs to, without changing what it says;
// only that it is about usage goes without saying.
type wrapped struct{ err, with error }

func (w *wrapped) Error() string {
	text := strings.TrimPrefix(w.err.Error(), cli.ErrUsage.Error()+": ")
	if errors.Is(w.err, errInterrupted) { // what a person did has another name in Go
		text = strings.ReplaceAll(text, context.Canceled.Error(), errInterrupted.Error())
	}
	return text
}

func (w *wrapped) Unwrap() []error {
	if w.with == nil {
		return []error{w.err}
	}
	return []error{w.err, w.with}
}

// usageError is an error about how a command was asked.
func usageError(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{cli.ErrUsage}, args...)...)
}

// conventions makes a command and those below it answer mistakes in one way: in a
// line that says how to write it, and with the exit status 2.
func conventions(cmd *cobra.Command) {
	cmd.SilenceUsage = true
	completions(cmd)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return failure(cmd, flagError(cmd, err)) })
	if cmd.HasSubCommands() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "help" {
				return nil
			}
			return failure(cmd, unknownCommand(cmd, args[0]))
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error { // also `caddy webhooks help send`
			for _, name := range args[min(1, len(args)):] {
				i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
				if i < 0 {
					return failure(cmd, unknownCommand(cmd, name))
				}
				cmd = cmd.Commands()[i]
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		}
	} else {
		check, before := cmd.Args, cmd.PreRunE
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check == nil {
				return nil
			}
			err := check(cmd, args)
			if err != nil && !errors.Is(err, cli.ErrUsage) {
				err = usageError("got %s: write `%s`", count(len(args), "argument"), usageLine(cmd))
			}
			return orFailure(cmd, err)
		}
		cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
			for _, valid := range []error{cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()} {
				if valid != nil {
					return failure(cmd, usageError("%w", valid))
				}
			}
			if before == nil {
				return nil
			}
			return orFailure(cmd, before(cmd, args))
		}
	}
	for _, c := range cmd.Commands() {
		conventions(c)
	}
}

func orFailure(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return failure(cmd, err)
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// usageLine is how the command is written.
func usageLine(cmd *cobra.Command) string {
	_, args, _ := strings.Cut(cmd.Use, " ")
	return strings.TrimSuffix(cmd.CommandPath()+" "+args, " ")
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	near := nearest(name, names)
	if len(near) == 0 {
		return usageError("there is no command %q: `%s --help` lists them", name, cmd.CommandPath())
	}
	return usageError("there is no command %q: do you mean `%s %s`?", name, cmd.CommandPath(), strings.Join(near, " or "))
}

// flagError says which flag may be meant.
func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return usageError("%w: `%s --help` says how to write it", err, cmd.CommandPath())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	near := nearest(unknown.GetSpecifiedName(), names)
	if len(near) == 0 {
		return usageError("%w: `%s --help` lists the flags", err, cmd.CommandPath())
	}
	return usageError("%w: do you mean --%s?", err, strings.Join(near, " or --"))
}

// nearest returns the names that text may be meant for. Cobra knows that for names
// of commands.
func nearest(text string, names []string) []string {
	tree := &cobra.Command{SuggestionsMinimumDistance: 2}
	if len(text) < 4 {
		tree.SuggestionsMinimumDistance = 1
	}
	for _, name := range names {
		tree.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return tree.SuggestionsFor(text)
}
