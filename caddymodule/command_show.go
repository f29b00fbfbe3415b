package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func showCommand() *cobra.Command {
	var o cli.ShowOptions
	cmd := &cobra.Command{
		Use:   "show <id|sequence>",
		Short: "Shows all there is of one stored event",
		Long: `
Shows one event: what is known of it and of its sender, the headers that the
provider sent, and the payload. A number is the sequence in the stream, as tail shows
it; anything else, or a number with --by-id, is the event's id as the provider shows
it.

For an id the gateway is asked what it remembers; otherwise the headers of all events
are read, which takes a while in a large stream: --source, --tenant, --stream and
--since narrow it. Events in quarantine are found too. If several events have the id
they are listed.

It is got as tail gets it: through the admin API of the running gateway, or with
--nats, --context or NATS_URL from NATS itself.

The exit status is 1 if there is no such event.`,
		Example: `  caddy webhooks show 12
  caddy webhooks show evt_1Q2w3e
  caddy webhooks show 72d3162e-cc78-11e3-81ab-4c9367dc0958 --source github --since 24h
  caddy webhooks show 12 --raw > body.json
  caddy webhooks show 3 --stream WEBHOOKS_QUARANTINE --json`,
		Args: cobra.ExactArgs(1),
	}
	complete := sourceFlags(cmd, &o.Reach)
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := complete(); err != nil {
			return err
		}
		o.Event, o.Progress = args[0], cmd.ErrOrStderr()
		return cli.Show(ctx, cmd.OutOrStdout(), o)
	})
	f := cmd.Flags()
	f.BoolVar(&o.ByID, "by-id", false, "it is an id, also if it is a number")
	f.StringVar(&o.Stream, "stream", "", "stream to look at (default: that of verified events, "+cli.DefaultStream+", and for an id all of the gateway)")
	f.StringArrayVar(&o.Tenants, "tenant", nil, "only of this tenant; may be repeated")
	f.StringArrayVar(&o.Sources, "source", nil, "only of this source; may be repeated")
	f.StringVar(&o.Since, "since", "", "only what was stored since this RFC 3339 `time`, or 1h for an hour ago")
	f.BoolVar(&o.Raw, "raw", false, "print the exact bytes of the body and nothing else")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	completeValues(cmd, "stream", "WEBHOOKS", "WEBHOOKS_UNVERIFIED", "WEBHOOKS_QUARANTINE", "WEBHOOKS_OPS", "WEBHOOKS_REPLAY")
	return cmd
}
