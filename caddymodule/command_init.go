package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func initCommand() *cobra.Command {
	var o cli.InitOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Writes a Caddyfile for the providers that you name",
		Long: `
Writes a commented Caddyfile with a line for each provider and what it needs, a
404 for everything else, and logs that show no secret; a list of the secrets to set;
and what to do at each provider. It passes caddy validate as soon as the secrets are
set, and caddy webhooks doctor finds nothing else in it.

Without --provider it asks, if it runs on a terminal, or with --interactive. With
--env-file the list is a file for EnvironmentFile= of systemd or caddy run
--envfile, readable for you alone, with fresh values for secrets that are yours to
choose; those that a provider shows are empty. Without it no value is made.

Files that are there are left alone, unless you say --force. With --out - the
Caddyfile is on standard output, and the steps are on standard error.

The exit status is 2 for an unknown provider, a site that is none, or a file that is
there.`,
		Example: `  caddy webhooks init --provider stripe --provider github --site hooks.example.com
  caddy webhooks init --provider gitlab --site hooks.example.com --out /etc/caddy/Caddyfile --env-file /etc/caddy/webhooks.env
  caddy webhooks init --provider slack --site hooks.example.com --nats tls://nats-1:4222,tls://nats-2:4222,tls://nats-3:4222 --out -
  caddy webhooks init --provider twilio --site :8080 --public-url https://hooks.example.com --out twilio.Caddyfile
  caddy webhooks init --interactive`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			o.Stdin, o.Questions = cmd.InOrStdin(), cmd.ErrOrStderr()
			return cli.Init(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Providers, "provider", nil, "`name` of a provider; may be repeated")
	f.StringVar(&o.Site, "site", "", "`address` of the site, such as hooks.example.com")
	f.StringVar(&o.PublicURL, "public-url", "", "`URL` under which providers reach the site (default: https:// and its host)")
	f.StringVar(&o.NATS, "nats", "", "`URLs` of your servers, separated by commas, or embedded (default: embedded)")
	f.StringVar(&o.Out, "out", "", "`file` to write, - for standard output (default: Caddyfile)")
	f.StringVar(&o.EnvFile, "env-file", "", "`file` to write the variables with secrets to (default: none)")
	f.BoolVar(&o.Force, "force", false, "overwrite files that are there")
	f.BoolVar(&o.Interactive, "interactive", false, "ask for what is not given, although this is no terminal")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("provider", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		all := providers.All()
		names := make([]string, len(all))
		for i, p := range all {
			names[i] = p.Name + "\t" + p.Title
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("nats", cobra.FixedCompletions([]string{cli.InitEmbedded}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("out")
	_ = cmd.MarkFlagFilename("env-file")
	return cmd
}
