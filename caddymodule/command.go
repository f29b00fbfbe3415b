package caddymodule

import (
	"context"
	"slices"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "webhooks",
		Usage: "<command>",
		Short: "Plays senders, shows, replays and looks after stored webhooks, and checks configurations",
		Long: `
Tools for webhooks. Each command has --help, with examples.

Commands about senders need nothing that runs, but for the URL that they send to.
Those about stored events ask the running gateway through Caddy's admin API, or NATS
on a connection of their own; docs/cli.md says which does what, and lists exit
statuses and environment variables.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(initCommand(), doctorCommand())
			cmd.AddCommand(sendCommand(), tailCommand(), replayCommand(), quarantineCommand(), dedupeCommand(), filterCommand(), schemaCommand(), providersCommand())
			cmd.AddCommand(asyncapiCommand(), natsPermissionsCommand())
			cmd.AddCommand(signCommand())
			cmd.AddCommand(conformanceCommand())
			cmd.AddCommand(verifyCommand())
			group(cmd)
			conventions(cmd)
		},
	})
}

// commandGroups are what the help of `caddy webhooks` lists, and which commands.
var commandGroups = []struct {
	title    string
	commands []string
}{
	{"Senders and receivers:", []string{"providers", "sign", "send", "verify", "conformance"}},
	{"Stored events:", []string{"tail", "show", "listen", "replay", "quarantine", "dedupe", "spool"}},
	{"Configurations and contracts:", []string{"init", "doctor", "filter", "schema", "asyncapi", "nats-permissions"}},
}

// group puts the commands under headings.
func group(cmd *cobra.Command) {
	for _, g := range commandGroups {
		cmd.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range cmd.Commands() {
			if slices.Contains(g.commands, c.Name()) {
				c.GroupID = g.title
			}
		}
	}
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
	completeValues(cmd, "from", "last:10", "all", "new", "1h", "24h")
	return cmd
}
