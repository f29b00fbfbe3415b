package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func conformanceCommand() *cobra.Command {
	var o cli.ConformanceOptions
	list := false
	cmd := &cobra.Command{
		Use:   "conformance <url> --provider <name>",
		Short: "Plays a sender to any receiver of webhooks, honestly and not, and reports the receiver's flaws",
		Long: `
Examines a receiver of webhooks from outside, whatever it is made of: sends what the
provider sends, and what somebody else could send, and reports the answers that are
wrong: what was sent, what came back, why that is a flaw, and how to mend it.

First a correctly signed event has to be accepted. If it is not, secret or URL are
probably wrong, and nothing more is sent. Which checks there are follows from the
provider: a change of what it does not sign is no flaw. --list prints all of them,
and --only and --skip choose, by code or by group.

Send to a receiver that is there for tests: dozens of the events are right, and it
will process them. The load is light. --heavy adds what is large or takes long,
--timing measures whether signatures are compared in constant time, with thousands of
requests, and --smuggling sends requests whose length two readers may see differently,
which may disturb a proxy on the way.

Whether a duplicate is processed once does not show from outside. --count-url or
--observe-cmd name what tells how many events the receiver has processed: a number
is the answer or the output, or what the first group of --count-match matches,
added up. Nothing else may be sent to the receiver then.

The secret is the receiver's, from where caddy webhooks send reads it, and is never
shown. A sender with a private key needs one of your own, whose public half the
receiver has: caddy webhooks sign --generate-key makes one.

The exit status is 0 if there is no flaw that must be mended, 1 if there is one, or if
a right event is refused, 2 if it was asked wrongly, and 3 if the URL cannot be
reached.`,
		Example: `  caddy webhooks conformance http://127.0.0.1:8080/stripe --provider stripe
  caddy webhooks conformance http://127.0.0.1:8080/github --provider github --only signature,duplicates
  caddy webhooks conformance http://127.0.0.1:8080/github --provider github --json --junit report.xml
  caddy webhooks conformance http://127.0.0.1:8080/github --provider github --count-url http://127.0.0.1:8080/metrics --count-match 'caddy_webhooks_requests_total\{outcome="accepted",reason="stored",source="github"\} (\S+)'
  caddy webhooks conformance http://127.0.0.1:8080/acme --provider hmac --secret-env ACME_SECRET --signature-header X-Acme-Signature --prefix sha256=
  caddy webhooks conformance --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list && len(args) == 0 {
				return nil
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			if list {
				return cli.ListChecks(cmd.OutOrStdout(), o.Only, o.Skip, o.JSON)
			}
			o.URL, o.Bar = args[0], cmd.ErrOrStderr()
			return yesNo(cli.Conformance(ctx, o, cmd.OutOrStdout()))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Provider, "provider", "", "`name` of the sender to play, of the catalogue or hmac")
	f.BoolVar(&list, "list", false, "print the checks and send nothing")
	f.StringSliceVar(&o.Only, "only", nil, "run these checks only: `codes` or groups")
	f.StringSliceVar(&o.Skip, "skip", nil, "leave these checks out: `codes` or groups")
	f.BoolVar(&o.Heavy, "heavy", false, "also what is large, or takes long")
	f.BoolVar(&o.Timing, "timing", false, "also measure how long comparing signatures takes")
	f.BoolVar(&o.Smuggling, "smuggling", false, "also requests of an ambiguous length")
	f.StringVar(&o.CountURL, "count-url", "", "`URL` that tells how many events were processed")
	f.StringVar(&o.ObserveCmd, "observe-cmd", "", "`command` that prints how many events were processed")
	f.StringVar(&o.CountMatch, "count-match", "", "`expression` with a group that is the number in what these say")
	f.IntVar(&o.Options.Concurrency, "concurrency", 0, "so many checks at one time (default: 4)")
	f.DurationVar(&o.Deadline, "deadline", 0, "how long the sender waits (default: as the provider does)")
	f.DurationVar(&o.Timeout, "timeout", 0, "how long to wait for an answer (default: 10s)")
	f.DurationVar(&o.SlowWait, "slow-wait", 0, "with --heavy, how long a receiver may wait for a body (default: 75s)")
	f.StringVar(&o.JUnit, "junit", "", "also write a report to this `file`, as JUnit does")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	f.StringVar(&o.Type, "type", "", "type of the events, as the sender writes it")
	f.StringArrayVar(&o.Headers, "header", nil, "further `\"Name: value\"`; may be repeated")
	f.StringVar(&o.SecretEnv, "secret-env", "", "environment `variable` with the secret")
	f.StringVar(&o.SecretFile, "secret-file", "", "`file` with the secret or the private key")
	f.StringArrayVar(&o.SendOptions.Options, "option", nil, "option of the provider, `name=value`; may be repeated")
	f.StringArrayVar(&o.OptionEnvs, "option-env", nil, "option whose value is in an environment variable, `name=VARIABLE`; may be repeated")
	f.StringVar(&o.PublicURL, "public-url", "", "`URL` that the sender signs, if it signs one (default: the URL)")
	d := &o.Describe
	f.StringVar(&d.Hash, "hash", "", "hmac: sha1, sha256, sha384 or sha512 (default: sha256)")
	f.StringVar(&d.SignatureHeader, "signature-header", "", "hmac: header of the signature (default: X-Signature)")
	f.StringVar(&d.Prefix, "prefix", "", "hmac: text before the signature, such as sha256=")
	f.StringVar(&d.Encoding, "encoding", "", "hmac: hex, base64 or base64url (default: hex)")
	f.StringVar(&d.Content, "content", "", `hmac: what is signed, such as "{timestamp}.{body}" (default: {body})`)
	f.StringVar(&d.TimestampHeader, "timestamp-header", "", "hmac: header of the time in Unix seconds (default: no time)")
	completeValues(cmd, "only", cli.CheckNames()...)
	completeValues(cmd, "skip", cli.CheckNames()...)
	completeValues(cmd, "hash", "sha1", "sha256", "sha384", "sha512")
	completeValues(cmd, "encoding", "hex", "base64", "base64url")
	if err := cmd.RegisterFlagCompletionFunc("provider", func(cmd *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeProvider(0)(cmd, nil, text)
	}); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}
