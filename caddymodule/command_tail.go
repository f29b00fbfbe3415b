package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// sourceFlags are the flags of commands that read stored events: how to get to them,
// which is in reach, and which of them. The function that it returns completes reach.
func sourceFlags(cmd *cobra.Command, reach *cli.Reach) (complete func() error) {
	where := new(adminFlags)
	where.add(cmd)
	f := cmd.Flags()
	f.StringVar(&reach.Connection, "connection", "", "`name` of the gateway's connection to NATS, default for the one without a name (not needed if there is only one)")
	f.StringVar(&reach.NATS, "nats", "", "instead of the admin API: `URLs` of NATS servers, separated by commas (default: $NATS_URL)")
	f.StringVar(&reach.Context, "context", "", "instead of the admin API: `name` of a context of the nats tool")
	f.StringVar(&reach.Credentials, "creds", "", "`file` with NATS credentials, with --nats")
	f.StringVar(&reach.CA, "ca", "", "PEM `file` with the authorities of the servers' certificates, with --nats")
	return func() (err error) {
		reach.Admin, err = where.given()
		return err
	}
}

// choiceFlags are the flags that choose stored events.
func choiceFlags(cmd *cobra.Command, stream, subject *string, tenants, sources, types, ids *[]string) {
	f := cmd.Flags()
	f.StringVar(stream, "stream", "", "stream to read (default: that of verified events, "+cli.DefaultStream+")")
	f.StringVar(subject, "subject", "", "only these subjects, such as 'wh.v1.*.github.>' (default: all of the stream)")
	f.StringArrayVar(tenants, "tenant", nil, "only of this tenant; may be repeated")
	f.StringArrayVar(sources, "source", nil, "only of this source; may be repeated")
	f.StringArrayVar(types, "type", nil, "only types that fit the `glob`, as the provider writes them or as ce-type; may be repeated")
	f.StringArrayVar(ids, "id", nil, "only the event with this id; may be repeated")
	completeValues(cmd, "stream", "WEBHOOKS", "WEBHOOKS_UNVERIFIED", "WEBHOOKS_QUARANTINE", "WEBHOOKS_OPS", "WEBHOOKS_REPLAY")
}

func tailCommand() *cobra.Command {
	var o cli.TailOptions
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Shows the events that are stored, and those that come in",
		Long: `
Shows the last events of a stream and then each one that comes in, until Ctrl-C
or for --count events. It changes nothing: other consumers do not notice it.

The running gateway is asked for them, through its admin API, whatever broker it
has. With --nats, --context or NATS_URL they are read from NATS itself; NATS inside
Caddy has an address for that only with a "listen" in its block. In a cluster that
asks for a login give --context, --creds, or a URL with the login in NATS_URL.

Flags that are repeated are alternatives, different ones narrow. Characters that
could command the terminal are shown as escapes. With --json each event is one
line: stream, seq, time, subject, headers, and the payload as text, or as
payload_base64 where it is not UTF-8.`,
		Example: `  caddy webhooks tail
  caddy webhooks tail --source github --type 'pull_request*' --since 1h
  caddy webhooks tail --subject 'wh.v1.*.github.>' --from all
  caddy webhooks tail --stream WEBHOOKS_QUARANTINE --from 1h --headers
  caddy webhooks tail --context production --stream WEBHOOKS_OPS --from 24h
  caddy webhooks tail --json --count 1 | jq -r .payload`,
		Args: cobra.NoArgs,
	}
	complete := sourceFlags(cmd, &o.Reach)
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if err := complete(); err != nil {
			return err
		}
		o.Errors = cmd.ErrOrStderr()
		return cli.Tail(ctx, cmd.OutOrStdout(), o)
	})
	choiceFlags(cmd, &o.Stream, &o.Subject, &o.Tenants, &o.Sources, &o.Types, &o.IDs)
	f := cmd.Flags()
	f.IntVar(&o.Count, "count", 0, "stop after so many events (default: never)")
	beginFlags(cmd, &o.From, "last:10, or last:<count>")
	f.BoolVar(&o.Headers, "headers", false, "show all headers")
	f.BoolVar(&o.Fetch, "fetch", false, "read large bodies, which are kept apart from their events")
	f.BoolVar(&o.Raw, "raw", false, "print payloads as they are, each with a line feed, and nothing else")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each event")
	return cmd
}

// beginFlags are two names for where reading begins.
func beginFlags(cmd *cobra.Command, from *string, otherwise string) {
	for _, name := range []string{"from", "since"} {
		cmd.Flags().StringVar(from, name, "", "where to start: last:10, all, new, an RFC 3339 time, or 1h for an hour ago (default: "+otherwise+")")
		completeValues(cmd, name, "last:10", "all", "new", "10m", "1h", "24h")
	}
	cmd.MarkFlagsMutuallyExclusive("from", "since")
}
