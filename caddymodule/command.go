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
		Usage: "<send|tail|replay|quarantine|dedupe|filter|schema|providers>",
		Short: "Sends test webhooks, shows and replays stored events, looks after quarantine and deduplication, tries filters, makes and compares schemas, lists the providers",
		Long: `
Tools for the webhooks gateway:

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

Send talks to the site, and tail to NATS, as schema does where it reads a stream.
Replay, quarantine and dedupe ask the running gateway, through Caddy's admin API;
replay can also do without it, with --nats or --context. Filter and providers need
nothing that runs.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(sendCommand(), tailCommand(), replayCommand(), quarantineCommand(), dedupeCommand(), filterCommand(), schemaCommand(), providersCommand())
			cmd.AddCommand(asyncapiCommand())
			conventions(cmd)
		},
	})
}

func sendCommand() *cobra.Command {
	var o cli.SendOptions
	cmd := &cobra.Command{
		Use:   "send <provider> <url>",
		Short: "Signs a test event as its sender would, and sends it",
		Long: `
Sends an event of the provider to the URL, signed as the provider signs, and
prints status and answer. Without --body it is a small sample with a fresh id
and the time of now.

The secret is the one that the gateway has. It is read from the environment
variable <PROVIDER>_WEBHOOK_SECRET, such as STRIPE_WEBHOOK_SECRET or
GITLAB_SIGNING_TOKEN_WEBHOOK_SECRET, where SLACK_SIGNING_SECRET,
SHOPIFY_CLIENT_SECRET and GITLAB_WEBHOOK_TOKEN will do as well; from the variable
that --secret-env names; or from a file. It is never an argument, which everybody
on the machine could read.

Senders that sign with a private key, such as Discord and SendGrid, need one in a
file, PEM in PKCS #8; --public-key prints the half that the gateway needs. What
only the sender itself can sign, as Amazon SNS does, cannot be sent.

A body that is given is sent byte for byte: id and type that are in it stay as
they are there. With --count they are all the same event then, and the gateway
stores one.

The provider "hmac" is any sender whose scheme the flags from --hash to
--timestamp-header describe.

The exit status is 1 if an answer is not the expected one, 2 if it cannot be sent
as it was asked for, and 3 if nothing answers.`,
		Example: `  caddy webhooks send github http://127.0.0.1:8080/github
  caddy webhooks send stripe https://hooks.example.com/stripe --type invoice.paid --count 10
  caddy webhooks send twilio http://127.0.0.1:8080/twilio --public-url https://hooks.example.com/twilio
  caddy webhooks send hmac http://127.0.0.1:8080/acme --secret-env ACME_SECRET \
    --signature-header X-Acme-Signature --prefix sha256= --header "X-Acme-Delivery: 1"`,
		Args: cobra.ExactArgs(2),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			o.Provider, o.URL, o.Stdin, o.Progress = args[0], args[1], cmd.InOrStdin(), cmd.ErrOrStderr()
			return cli.Send(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Body, "body", "", "file with the `body`, - for standard input (default: a sample)")
	f.StringVar(&o.Type, "type", "", "type of the event, as the sender writes it")
	f.StringVar(&o.ID, "id", "", "id of the event (default: a fresh one)")
	f.StringArrayVar(&o.Headers, "header", nil, "further `\"Name: value\"`; may be repeated")
	f.StringVar(&o.SecretEnv, "secret-env", "", "environment `variable` with the secret")
	f.StringVar(&o.SecretFile, "secret-file", "", "`file` with the secret or the private key")
	f.StringArrayVar(&o.Options, "option", nil, "option of the provider, `name=value`; may be repeated")
	f.BoolVar(&o.Gzip, "gzip", false, "compress bodies, before the signature or after it, as the sender does")
	f.IntVar(&o.Count, "count", 1, "how many events, one after the other")
	f.IntVar(&o.Expect, "expect", 0, "expected `status` (default: any 2xx)")
	f.StringVar(&o.PublicURL, "public-url", "", "`URL` that the sender signs, if it signs one (default: the URL)")
	f.BoolVar(&o.PublicKey, "public-key", false, "print the public half of the private key and send nothing")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each answer")
	d := &o.Describe
	f.StringVar(&d.Hash, "hash", "", "hmac: sha1, sha256, sha384 or sha512 (default: sha256)")
	f.StringVar(&d.SignatureHeader, "signature-header", "", "hmac: header of the signature (default: X-Signature)")
	f.StringVar(&d.Prefix, "prefix", "", "hmac: text before the signature, such as sha256=")
	f.StringVar(&d.Encoding, "encoding", "", "hmac: hex, base64 or base64url (default: hex)")
	f.StringVar(&d.Content, "content", "", `hmac: what is signed, such as "{timestamp}.{body}" (default: {body})`)
	f.StringVar(&d.TimestampHeader, "timestamp-header", "", "hmac: header of the time in Unix seconds (default: no time)")
	return cmd
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
	return cmd
}

func providersCommand() *cobra.Command {
	var o cli.ProvidersOptions
	cmd := &cobra.Command{
		Use:   "providers [name]",
		Short: "Lists the senders whose signatures are known, or describes one",
		Long: `
Lists the catalogue: how each sender proves itself, what its signature covers,
how long a captured request could be sent again, and where the id is by which
retries are recognised. With a name: all that is known about that sender.`,
		Example: `  caddy webhooks providers
  caddy webhooks providers stripe
  caddy webhooks providers github --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: runE(func(_ context.Context, cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Name = args[0]
			}
			return cli.Providers(cmd.OutOrStdout(), o)
		}),
	}
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}
