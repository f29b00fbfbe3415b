package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func dedupeCommand() *cobra.Command {
	var admin adminFlags
	var o cli.DedupeOptions
	cmd := &cobra.Command{
		Use:   "dedupe <inspect|forget>",
		Short: "Says whether an event's id is remembered, and lets one be forgotten",
		Long: `
Of the deliveries of one event one is stored, and the others are duplicates, as long
as the stream remembers the event's id. inspect says whether it does, by which
stored event, and for how long. forget has the next delivery stored all the same,
once: for a consumer that has lost the event, before you press "Redeliver" or
"Resend" at the provider.

The id is the one that the provider shows, and that ce-id has; of an event out of a
batch it ends in a dot and its index, if it has no id of its own. Without --source
all routes are looked at.

These commands ask the running Caddy through its admin API.`,
	}
	admin.add(cmd)
	f := cmd.PersistentFlags()
	f.StringVar(&o.Tenant, "tenant", "", "`name` of the tenant (default: that of the route)")
	f.StringVar(&o.Source, "source", "", "`name` of the source (default: all that there are)")
	f.StringVar(&o.Connection, "connection", "", "`name` of the connection to NATS (default: that of the route)")
	f.BoolVar(&o.JSON, "json", false, "print JSON")

	inspect := &cobra.Command{
		Use:   "inspect <id>",
		Short: "Says whether an event's id is remembered",
		Long: `
Says whether the next delivery of an event is a duplicate, and of which stored
event: its sequence and subject, when it was stored, the hash of its bytes, and
until when its id is remembered. It changes nothing.

The exit status is 0 if the next delivery is a duplicate, 1 if it is a new event,
and another if that could not be found out.`,
		Example: "  caddy webhooks dedupe inspect 72d3162e-cc78-11e3-81ab-4c9367dc0958 --source github",
		Args:    cobra.ExactArgs(1),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			o.ID = args[0]
			return yesNo(cli.DedupeInspect(ctx, admin.client, o, cmd.OutOrStdout()))
		}),
	}

	forget := &cobra.Command{
		Use:   "forget <id> --reason <text>",
		Short: "Has the next delivery of an event stored as a new one",
		Long: `
Has the next delivery of an event stored as a new event, although its id is
remembered: once, whichever gateway gets it and however often it is delivered. What
is stored has the header Wh-Generation, which says how often the id was
forgotten. Who did it and why is in Caddy's log and on wh-ops.v1.>.

It delivers nothing: have the provider send the event again. To read once more what
is stored, without the provider, use caddy webhooks replay.

The exit status is 0 if the next delivery will be stored, also if the id was
forgotten before and has not come since; 1 if there is nothing to forget, because
the next delivery is a new event anyway or is about to be; and another if it failed.`,
		Example: `  caddy webhooks dedupe forget 72d3162e-cc78-11e3-81ab-4c9367dc0958 --source github --reason "worker lost it, ticket 4711"`,
		Args:    cobra.ExactArgs(1),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			if o.Reason == "" {
				return usageError("give a reason, for the record: --reason")
			}
			o.ID = args[0]
			if o.By == "" {
				o.By = operator()
			}
			return yesNo(cli.DedupeForget(ctx, admin.client, o, cmd.OutOrStdout()))
		}),
	}
	forget.Flags().StringVar(&o.Reason, "reason", "", "why, for the record")
	forget.Flags().StringVar(&o.By, "by", "", "who, for the record (default: the user)")
	cmd.AddCommand(inspect, forget)
	return cmd
}
