package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func spoolCommand() *cobra.Command {
	var where adminFlags
	var o cli.SpoolOptions
	cmd := &cobra.Command{
		Use:   "spool <status|drain>",
		Short: "Says what waits on this machine for the cluster, and has it forwarded now",
		Long: `
While the cluster takes no events, those of some senders are kept on the gateway's
disk, in its spool, and forwarded when it does. status says what waits there and why,
and drain has it tried at once and waits until nothing is left.

These commands ask the running Caddy through its admin API.`,
	}
	where.add(cmd)
	f := cmd.PersistentFlags()
	f.StringVar(&o.Connection, "connection", "", "`name` of the connection to NATS, default for the one without a name (default: all)")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	run := func(do func(context.Context, *cobra.Command) error) func(*cobra.Command, []string) error {
		return runE(func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
			if o.Admin, err = where.given(); err != nil {
				return err
			}
			return do(ctx, cmd)
		})
	}

	status := &cobra.Command{
		Use:   "status",
		Short: "Says what waits in the spool, and why",
		Long: `
Says of each spool how many events and bytes wait, and of which sources; how old the
oldest is, and the limits; whether the cluster takes events, since when it does not,
and why; how many were forwarded, and how fast; and what has last failed. Its state is

  idle      nothing waits
  draining  what waits is being forwarded
  waiting   the cluster takes no events
  holding   the cluster takes events, and not those that wait: they are larger than
            it takes, or it refuses their subject

The exit status is 1 if there is no spool.`,
		Example: `  caddy webhooks spool status
  caddy webhooks spool status --connection eu --json`,
		Args: cobra.NoArgs,
		RunE: run(func(ctx context.Context, cmd *cobra.Command) error {
			return cli.SpoolStatus(ctx, cmd.OutOrStdout(), o)
		}),
	}

	drain := &cobra.Command{
		Use:   "drain",
		Short: "Has what waits in the spool forwarded now",
		Long: `
Has the gateway try at once to forward what waits, instead of at the end of a pause,
also what the cluster has refused before; and waits until nothing is left, or until
--timeout. What comes in meanwhile is waited for as well.

Nothing is removed that the cluster has not taken. The exit status is 1 if something
is left, or if there is no spool.`,
		Example: `  caddy webhooks spool drain
  caddy webhooks spool drain --timeout 10m`,
		Args: cobra.NoArgs,
		RunE: run(func(ctx context.Context, cmd *cobra.Command) error {
			o.Progress = cmd.ErrOrStderr()
			return cli.SpoolDrain(ctx, cmd.OutOrStdout(), o)
		}),
	}
	drain.Flags().DurationVar(&o.Timeout, "timeout", cli.DefaultDrainTimeout, "how long to wait")
	cmd.AddCommand(status, drain)
	return cmd
}
