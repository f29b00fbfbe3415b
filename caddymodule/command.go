package caddymodule

import (
	"context"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "webhooks",
		Usage: "<sign|send|tail|replay|quarantine|dedupe|filter|schema|providers>",
		Short: "Sends test webhooks, shows and replays stored events, looks after quarantine and deduplication, tries filters, makes and compares schemas, lists the providers",
		Long: `
Tools for the webhooks gateway:

	caddy webhooks sign        prints a test event as its sender would send it
	caddy webhooks send        signs a test event as its sender would, and sends it
	caddy webhooks tail        shows the events that are stored in NATS
	caddy webhooks replay      sends stored events once more
	caddy webhooks quarantine  shows what is in quarantine, tries it again, releases
	                           or drops it
	caddy webhooks dedupe      says whether an event's id is remembered, and lets one
	                           be forgotten
	caddy webhooks filter      evaluates an expression of accept or drop over a body
	caddy webhooks schema      makes schemas of events, compares versions, and tries
	                           one on the events that are stored
	caddy webhooks providers   lists the senders whose signatures are known
	caddy webhooks asyncapi    describes the events for those who read them, as an
	                           AsyncAPI document
	caddy webhooks conformance plays a sender to any receiver, honestly and not, and
	                           reports the receiver's flaws

Send talks to the site, and tail to NATS, as schema does where it reads a stream.
Replay, quarantine and dedupe ask the running gateway, through Caddy's admin API;
replay can also do without it, with --nats or --context. Filter and providers need
nothing that runs.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(sendCommand(), tailCommand(), replayCommand(), quarantineCommand(), dedupeCommand(), filterCommand(), schemaCommand(), providersCommand())
			cmd.AddCommand(asyncapiCommand())
			cmd.AddCommand(signCommand())
			cmd.AddCommand(conformanceCommand())
			conventions(cmd)
		},
	})
}

func tailCommand() *cobra.Command {
	var o cli.TailOptions
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Shows the events that are stored in NATS, and those that come in",
		Long: `
Shows the last events of a stream and then each one that comes in, until Ctrl-C
or for --count events. It changes nothing: other consumers do not notice it.

NATS inside Caddy is reached only if its block has a "listen", and shows clients
the streams that it lets them read. In a cluster that asks for a login give
--context, --creds, or a URL with the login in NATS_URL.

Characters that could command the terminal are shown as escapes. With --json each
event is one line: stream, seq, time, subject, headers, and the payload as text,
or as payload_base64 where it is not UTF-8.`,
		Example: `  caddy webhooks tail
  caddy webhooks tail --subject 'wh.v1.*.github.>' --from all
  caddy webhooks tail --stream WEBHOOKS_QUARANTINE --from 1h --headers
  caddy webhooks tail --context production --stream WEBHOOKS_OPS --from 24h
  caddy webhooks tail --json --count 1 | jq -r .payload`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			return cli.Tail(ctx, cmd.OutOrStdout(), o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.NATS, "nats", "", "`URLs` of the servers, separated by commas (default: $NATS_URL, or "+cli.DefaultNATS+")")
	f.StringVar(&o.Context, "context", "", "`name` of a context of the nats tool, instead of --nats, --creds and --ca")
	f.StringVar(&o.Credentials, "creds", "", "`file` with NATS credentials")
	f.StringVar(&o.CA, "ca", "", "PEM `file` with the authorities of the servers' certificates")
	f.StringVar(&o.Stream, "stream", cli.DefaultStream, "stream to read")
	f.StringVar(&o.Subject, "subject", "", "only these subjects, such as 'wh.v1.*.github.>' (default: all of the stream)")
	f.IntVar(&o.Count, "count", 0, "stop after so many events (default: never)")
	f.StringVar(&o.From, "from", "", "where to start: last:10, all, new, an RFC 3339 time, or 1h for an hour ago (default: last:10, or last:<count>)")
	f.BoolVar(&o.Headers, "headers", false, "show all headers")
	f.BoolVar(&o.Fetch, "fetch", false, "read large bodies, which are kept apart from their events")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each event")
	complete(cmd, "from", values("last:10", "all", "new", "1h", "24h"))
	return cmd
}
