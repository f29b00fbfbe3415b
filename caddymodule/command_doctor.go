package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func doctorCommand() *cobra.Command {
	var o doctorOptions
	var codes bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Finds what is wrong with a configuration and around it, and says how to mend it",
		Long: `
Looks at a configuration before it runs, or at that of a Caddy that runs: whether
it loads, whether secrets are there and strong, whether a mistake in a URL would
lose events, whether a proxy, a log or a clock gets in the way, whether NATS can be
reached and keeps what is promised, and where the embedded server keeps it. Each
finding has a code, says why it matters, and how to mend it. It starts and changes
nothing, and prints no secret.

Without --config it is the Caddyfile of the current directory, as with caddy run.
Secrets are those of this process's environment: give --env-file what Caddy gets
from its service manager. A Caddy that runs with the admin address of the
configuration is asked how it is; --address looks at its configuration instead.

docs/doctor.md lists the codes, and so does --codes.

The exit status is 0 without problems, 1 with one, or with --strict with a warning,
2 if there is no such configuration, and 3 or 4 if the admin API of --address, or the
URL of --time-from, does not answer or refuses.`,
		Example: `  caddy webhooks doctor
  caddy webhooks doctor --config /etc/caddy/Caddyfile --env-file /etc/caddy/webhooks.env --strict
  caddy webhooks doctor --address localhost:2019 --json
  caddy webhooks doctor --time-from https://www.cloudflare.com --skip store-filesystem
  caddy webhooks doctor --only secret-weak --only secret-readable
  caddy webhooks doctor --codes`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			if codes {
				return cli.WriteDoctorCodes(cmd.OutOrStdout(), o.JSON)
			}
			o.Progress = cmd.ErrOrStderr()
			return runDoctor(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Config, "config", "", "`file` with the configuration (default: the Caddyfile here)")
	f.StringVar(&o.Adapter, "adapter", "", "`name` of the adapter of the file (default: by its name)")
	f.StringVar(&o.Address, "address", "", "`address` of the admin API of a Caddy that runs, whose configuration is looked at")
	f.StringArrayVar(&o.EnvFiles, "env-file", nil, "`file` with environment variables, as caddy run --envfile reads it; may be repeated")
	f.StringVar(&o.TimeFrom, "time-from", "", "`URL` of a server whose clock is compared with this machine's")
	f.StringSliceVar(&o.Only, "only", nil, "only findings with this `code`; may be repeated")
	f.StringSliceVar(&o.Skip, "skip", nil, "no findings with this `code`; may be repeated")
	f.BoolVar(&o.Strict, "strict", false, "exit with 1 for warnings too")
	f.BoolVar(&codes, "codes", false, "list all codes, with what they mean and how to mend it")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	code := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		list := make([]string, len(cli.DoctorCodes))
		for i, c := range cli.DoctorCodes {
			list[i] = c.Code + "\t" + c.Means
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
	for name, complete := range map[string]cobra.CompletionFunc{"only": code, "skip": code} {
		_ = cmd.RegisterFlagCompletionFunc(name, complete)
	}
	_ = cmd.MarkFlagFilename("config")
	_ = cmd.MarkFlagFilename("env-file")
	return cmd
}
