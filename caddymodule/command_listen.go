package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func listenCommand() *cobra.Command {
	var o cli.ListenOptions
	cmd := &cobra.Command{
		Use:   "listen --forward <url>",
		Short: "Forwards events to a service on this machine, as they come in",
		Long: `
Sends each event that is stored, as it comes in, to a URL: a POST with the exact
body, its Content-Type and the headers that the provider sent, and a line for each
with the status and how long it took. For a service that is being written, without
a tunnel and without changing anything at the provider.

The running gateway is asked for events, through its admin API, whatever broker it
has; with --nats, --context or NATS_URL they are read from NATS itself. What reads is
of its own: it takes no event from a consumer, and nothing is left of it. Over a
reload or a restart nothing is left out, and nothing comes twice.

While the service is not there it waits for it. What it answers is shown, and the
next event follows; with --retry 5xx, 408, 425, 429, or no answer in --timeout, are
tried so often again, after 1s, 2s, 4s ... or Retry-After. Events are sent one after
the other, unless --concurrency says how many at one time.

A service that checks signatures refuses old ones: --resign signs each event as if
it was sent now, with the secret of --secret-env or --secret-file, or of the
provider's variable, such as STRIPE_WEBHOOK_SECRET.

It ends with Ctrl-C and the exit status 0, or after --count events, with 1 if not
all of them were taken.`,
		Example: `  caddy webhooks listen --forward http://localhost:3000
  caddy webhooks listen --forward http://localhost:3000/hooks --path-per-source --source github --source stripe
  caddy webhooks listen --forward http://localhost:3000 --type 'invoice.*' --since 1h --count 10
  caddy webhooks listen --forward https://localhost:3443/stripe --source stripe --resign --skip-verify-tls
  caddy webhooks listen --forward http://localhost:3000 --context production --retry 3 --json`,
		Args: cobra.NoArgs,
	}
	complete := sourceFlags(cmd, &o.Reach)
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if err := complete(); err != nil {
			return err
		}
		o.Errors = cmd.ErrOrStderr()
		return cli.Listen(ctx, cmd.OutOrStdout(), o)
	})
	choiceFlags(cmd, &o.Stream, &o.Subject, &o.Tenants, &o.Sources, &o.Types, &o.IDs)
	beginFlags(cmd, &o.From, "new")
	f := cmd.Flags()
	f.StringVar(&o.Forward, "forward", "", "`URL` to send to")
	f.BoolVar(&o.PathPerSource, "path-per-source", false, "add the source's name to the path: events of github go to <url>/github")
	f.IntVar(&o.Count, "count", 0, "stop after so many events (default: never)")
	f.IntVar(&o.Concurrency, "concurrency", 1, "how many requests at one time; 1 keeps the order")
	f.DurationVar(&o.Timeout, "timeout", cli.DefaultListenTimeout, "how long to wait for an answer")
	f.IntVar(&o.Retry, "retry", 0, "how often to send an event again that may be taken later")
	f.BoolVar(&o.CEHeaders, "ce-headers", false, "add the event's attributes, ce-* and Wh-*")
	f.BoolVar(&o.Resign, "resign", false, "sign each event once more, as if it was sent now")
	f.StringVar(&o.Signing.SecretEnv, "secret-env", "", "environment `variable` with the secret, with --resign")
	f.StringVar(&o.Signing.SecretFile, "secret-file", "", "`file` with the secret or the private key, with --resign")
	f.StringVar(&o.Signing.PublicURL, "public-url", "", "`URL` that the sender signs, if it signs one, with --resign (default: the one that is sent to)")
	f.BoolVar(&o.SkipVerifyTLS, "skip-verify-tls", false, "take any certificate of the service")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each event, and one for the sum")
	return cmd
}
