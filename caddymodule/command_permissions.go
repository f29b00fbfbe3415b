package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func natsPermissionsCommand() *cobra.Command {
	var where contractFlags
	var o cli.PermissionsOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "nats-permissions",
		Short: "Writes what the gateway, a consumer or these tools may do in NATS, and no more",
		Long: `
Writes the users that a NATS cluster needs for the gateway and for those who read its
events, with the subjects that each may publish on and subscribe to, and no others. They
follow from the configuration: the streams, the buckets and the prefix of the JetStream
API that are in use. Each subject says what it is for.

The gateway is what the configuration describes. A consumer is a service with a durable
consumer of its own, whose name is that of --name; --source and --tenant say whose events
it reads. The tool is whoever uses tail, schema and replay on a connection of their own.

It is a part of the configuration of nats-server (conf), commands for nsc, the claims of
a user's JWT, or JSON. Passwords are placeholders; with --nkey the user logs in with that
key. NATS inside the gateway needs none of this: its clients may read, and nothing else.`,
		Example: `  caddy webhooks nats-permissions
  caddy webhooks nats-permissions --config Caddyfile --for gateway,tool
  caddy webhooks nats-permissions --config Caddyfile --for consumer --name billing-worker --source stripe
  caddy webhooks nats-permissions --config Caddyfile --format nsc --account HOOKS`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
			if o.Contract, err = where.source(); err != nil {
				return err
			}
			if o.Format, err = formatOr(o.Format, asJSON); err != nil {
				return err
			}
			return cli.NATSPermissions(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.For, "for", nil, "`roles`, separated by commas: gateway, consumer, tool (default: gateway)")
	f.StringVar(&o.Format, "format", "", "conf, nsc, jwt-json or json (default: conf)")
	f.BoolVar(&asJSON, "json", false, "as --format json")
	f.StringVar(&o.Connection, "connection", "", "`name` of the gateway's connection to NATS, default for the one without a name (not needed if there is only one)")
	f.StringVar(&o.Name, "name", "", "name of the user; of a consumer also that of its durable consumer")
	f.StringVar(&o.NKey, "nkey", "", "public `key` of the user, which begins with U, instead of a password")
	f.StringVar(&o.Account, "account", "", "name of the account with the streams (default: there is only one)")
	f.StringVar(&o.Tenant, "tenant", "", "consumer: only events of this tenant")
	f.StringVar(&o.Source, "source", "", "consumer: only events of this source")
	f.StringVar(&o.Stream, "stream", "", "consumer: the stream, if the source is in several")
	f.StringVar(&o.ConsumerAccount, "consumer-account", "", "consumer: name of another account, in which it is")
	f.BoolVar(&o.Create, "create", false, "consumer: it makes its durable consumer itself")
	f.BoolVar(&o.Bodies, "bodies", false, "consumer: it reads large bodies")
	where.add(cmd)
	completeValues(cmd, "for", cli.Roles...)
	completeValues(cmd, "format", cli.PermissionFormats...)
	return cmd
}
