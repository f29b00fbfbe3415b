package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func TestExitStatus(t *testing.T) {
	t.Parallel()
	_, missing := os.Open("not-there")
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{cli.ErrNo, 1},
		{cli.ErrUnexpectedStatus, 1},
		{fmt.Errorf("%w: no such flag", cli.ErrUsage), 2},
		{missing, 2},
		{fmt.Errorf("x: %w", cli.ErrUnreachable), 3},
		{fmt.Errorf("x: %w", cli.ErrDenied), 4},
		{&wrapped{cli.ErrUnreachable, errInterrupted}, 130},
	} {
		if got := exitStatus(tt.err); got != tt.want {
			t.Errorf("%v: got %d, want %d", tt.err, got, tt.want)
		}
		if tt.want < 2 {
			continue
		}
		// Caddy knows how to exit from the type of an error that it keeps to itself.
		err := failure(&cobra.Command{}, tt.err)
		if !strings.Contains(fmt.Sprintf("%#v", err.(interface{ Unwrap() []error }).Unwrap()[1]), fmt.Sprintf("ExitCode:%d", tt.want)) {
			t.Errorf("%v: got %#v, want the status %d", tt.err, err, tt.want)
		}
	}
}

func TestMistakesAreAnswered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, want string }{
		{"sned", `there is no command "sned": do you mean `},
		{"xyzzy", `there is no command "xyzzy": ` + "`webhooks --help` lists them"},
		{"quarantine lst", "do you mean `webhooks quarantine list`?"},
		{"quarantine help xyzzy", `there is no command "xyzzy"`},
		{"send github", "got 1 argument: write `webhooks send <provider> <url> [file|-]`"},
		{"tail a b", "got 2 arguments: write `webhooks tail`"},
		{"tail --stram X", "unknown flag: --stram: do you mean --stream?"},
		{"tail --xyzzy", "unknown flag: --xyzzy: `webhooks tail --help` lists the flags"},
		{"tail --count x", `invalid argument "x" for "--count" flag`},
		{"tail --count", "flag needs an argument: --count"},
		{"dedupe forget x", "give a reason"},
	} {
		_, err := webhooks(t, "", strings.Fields(tt.args)...)
		if !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), tt.want) || strings.HasPrefix(err.Error(), "usage") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", tt.args, err, tt.want)
		}
	}
	for _, args := range [][]string{{"help"}, {"help", "quarantine", "retry"}, {"quarantine", "help", "retry"}} {
		if out, err := webhooks(t, "", args...); err != nil || !strings.Contains(out, "Usage:") || len(args) > 1 && !strings.Contains(out, "webhooks quarantine retry") {
			t.Errorf("%v: got %q, %v", args, out, err)
		}
	}
}

// TestInterrupt: what is interrupted before it was done is 130, and what runs until
// it is interrupted is done then.
func TestInterrupt(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(context.Context) error
		want int
	}{
		{"done", func(context.Context) error { return nil }, 0},
		{"not done", func(ctx context.Context) error { return fmt.Errorf("half: %w", ctx.Err()) }, 130},
		{"nothing to say", func(ctx context.Context) error { return ctx.Err() }, 130},
	} {
		run := runE(func(ctx context.Context, _ *cobra.Command, _ []string) error {
			if err := interruptSelf(); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				t.Error("the context has not ended")
			}
			return tt.end(ctx)
		})
		if err := run(&cobra.Command{}, nil); exitStatus(err) != tt.want || strings.Contains(fmt.Sprint(err), "context canceled") || err != nil && !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("%s: got %v, want the status %d", tt.name, err, tt.want)
		}
	}
}

func interruptSelf() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return self.Signal(os.Interrupt)
}
