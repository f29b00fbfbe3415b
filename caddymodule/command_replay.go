package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// reachFlags are the flags that say how to get to the events, besides those of
// [adminFlags].
func reachFlags(cmd *cobra.Command, r *cli.Reach) {
	f := cmd.Flags()
	f.StringVar(&r.Connection, "connection", "", "`name` of the gateway's connection to NATS, default for the one without a name (not needed if there is only one)")
	f.StringVar(&r.NATS, "nats", "", "without the admin API: `URLs` of NATS servers, separated by commas")
	f.StringVar(&r.Context, "context", "", "without the admin API: `name` of a context of the nats tool")
	f.StringVar(&r.Credentials, "creds", "", "`file` with NATS credentials, with --nats")
	f.StringVar(&r.CA, "ca", "", "PEM `file` with the authorities of the servers' certificates, with --nats")
}

func replayCommand() *cobra.Command {
	var o cli.ReplayOptions
	var where adminFlags
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Sends stored events once more, to a subject or a URL",
		Long: `
Sends the events of a stream that the flags select once more, in their order, and
without touching the stream: to wh-replay.v1.<job>.<tenant>.<source>.<type...>,
where only those read them who want to, to another subject, or with POST to a URL.
Each is marked with the name of the job, ce-whreplay or the header Wh-Replay.

It says first what it would send, and asks; where there is nobody to ask it stops
there. --yes sends at once, and --dry-run never.

A replay that is stopped, killed or refused can be resumed, and leaves nothing out.
What was on its way at that moment may be sent again; on a subject it is stored
once.

The running gateway does it, through its admin API, whatever broker it has; it goes
on after a reload or a restart as long as this command waits for it. With --nats or
--context this process does it, on a connection of its own.

An event is signed once more, as if it was sent now, with --resign. The secret is
that of --secret-env or --secret-file, or of the provider's variable, such as
STRIPE_WEBHOOK_SECRET, of the process that sends.

The exit status is 1 if not everything was sent, and 130 if you interrupted it.`,
		Example: `  caddy webhooks replay --dry-run --since 2h --source github
  caddy webhooks replay --from-seq 1200 --to-seq 1300 --yes
  caddy webhooks replay --type 'invoice.*' --to http://127.0.0.1:3000/stripe --resign --rate 10 --yes
  caddy webhooks replay --id evt_1Q2w3e --to http://127.0.0.1:3000/stripe
  caddy webhooks replay --resume replay-20260102T150405-abcdef`,
		Args: cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) (err error) {
			if o.Admin, err = where.given(); err != nil {
				return err
			}
			o.Progress, o.Prompt, o.Stdin = cmd.ErrOrStderr(), cmd.ErrOrStderr(), cmd.InOrStdin()
			return cli.ReplayEvents(ctx, cmd.OutOrStdout(), o)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Spec.Stream, "stream", cli.DefaultStream, "stream to read")
	f.Uint64Var(&o.Spec.FromSeq, "from-seq", 0, "first `sequence`")
	f.Uint64Var(&o.Spec.ToSeq, "to-seq", 0, "last `sequence` (default: the last that is stored now)")
	f.StringVar(&o.Since, "since", "", "stored since this RFC 3339 `time`, or 1h for an hour ago")
	f.StringVar(&o.Until, "until", "", "stored until this RFC 3339 `time`, or 1h for an hour ago")
	f.StringArrayVar(&o.Spec.Tenants, "tenant", nil, "only of this tenant; may be repeated")
	f.StringArrayVar(&o.Spec.Sources, "source", nil, "only of this source; may be repeated")
	f.StringArrayVar(&o.Spec.Types, "type", nil, "only types that fit the `glob`, as the provider writes them or as ce-type; may be repeated")
	f.StringArrayVar(&o.Spec.IDs, "id", nil, "only the event with this id; may be repeated")
	f.StringVar(&o.Spec.To, "to", "", "`target`: a URL, or the beginning of a subject (default: wh-replay.v1.<job>)")
	f.Float64Var(&o.Spec.Rate, "rate", 0, "so many events in a second (default: as fast as they are taken)")
	f.IntVar(&o.Spec.Attempts, "attempts", 0, "how often an event is tried that is not taken now (default: 8)")
	f.BoolVar(&o.Spec.SkipRefused, "skip-refused", false, "go on after an event that the URL refuses for good, with a 4xx or a redirect")
	f.BoolVar(&o.Spec.Resign, "resign", false, "sign each event once more, as if it was sent now")
	f.StringVar(&o.Signing.SecretEnv, "secret-env", "", "environment `variable` with the secret, with --resign")
	f.StringVar(&o.Signing.SecretFile, "secret-file", "", "`file` with the secret or the private key, with --resign")
	f.StringVar(&o.Signing.PublicURL, "public-url", "", "`URL` that the sender signs, if it signs one, with --resign (default: the target)")
	f.BoolVar(&o.DryRun, "dry-run", false, "say what would be sent, and send nothing")
	f.BoolVar(&o.Yes, "yes", false, "send at once, without saying first what would be sent")
	f.StringVar(&o.Resume, "resume", "", "go on with this `job`")
	f.StringVar(&o.Stop, "stop", "", "stop this `job` of the gateway")
	f.BoolVar(&o.List, "list", false, "list the jobs of the last 30 days")
	f.BoolVar(&o.Detach, "detach", false, "leave the job to the gateway, and do not wait for it")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	where.add(cmd)
	reachFlags(cmd, &o.Reach)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if o.Resume == "" && o.Stop == "" && !o.List {
			return nil
		}
		for _, name := range []string{"stream", "from-seq", "to-seq", "since", "until", "tenant", "source", "type", "id", "to", "rate", "attempts", "skip-refused", "resign", "secret-env", "secret-file", "public-url"} {
			if cmd.Flags().Changed(name) {
				return usageError("--%s is for a new replay: one that exists has its own", name)
			}
		}
		return nil
	}
	return cmd
}
