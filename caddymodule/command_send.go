package caddymodule

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func sendCommand() *cobra.Command {
	var o cli.SendOptions
	var fresh freshKeys
	cmd := &cobra.Command{
		Use:   "send <provider> <url> [file|-]",
		Short: "Signs a test event as its sender would, and sends it",
		Long: `
Sends an event of the provider to the URL, signed as the provider signs, and
prints status and answer. Without a file it is a small sample with a fresh id and
the time of now.

The secret is the one that the gateway has. It is read from the environment
variable <PROVIDER>_WEBHOOK_SECRET or <PROVIDER>_SECRET, such as
STRIPE_WEBHOOK_SECRET, where SLACK_SIGNING_SECRET, SHOPIFY_CLIENT_SECRET and
GITLAB_WEBHOOK_TOKEN will do as well; from the variable that --secret-env names;
or from a file. It is never an argument, which everybody on the machine could
read. --generate-secret makes one.

Senders that sign with a private key, such as Discord and SendGrid, need one in a
file, PEM in PKCS #8: --generate-key makes it and prints the half that the gateway
needs. What only the sender itself can sign cannot be sent.

A body that is given is sent byte for byte: id and type that are in it stay as
they are there. With --count they are all the same event then, and the gateway
stores one.

A fault makes requests that a receiver has to refuse: --stale and --future (signed
outside the replay window), --wrong-key, --tamper (changed after signing). An
answer of 2xx is then the failure. What nobody could notice is not sent: GitHub
signs no time, so that nothing can be --stale. --duplicate, --gzip and --slow are
no reasons to refuse an event. --handshake sends the challenges with which the
provider tries a new endpoint, and compares the answers with what it demands.

With --rate, --concurrency or --duration answers are not printed but counted, and a
summary of statuses and latencies comes at the end. With --rate latency is counted
from when an event was due; without, each connection sends the next event as soon
as the last one was answered.

The provider "hmac" is any sender whose scheme the flags from --hash to
--timestamp-header describe.

The exit status is 1 if an answer is not the expected one, 2 if it cannot be sent
as it was asked for, and 3 if nothing answers.`,
		Example: `  caddy webhooks send github http://127.0.0.1:8080/github
  caddy webhooks send stripe https://hooks.example.com/stripe --type invoice.paid --count 10
  caddy webhooks send twilio http://127.0.0.1:8080/twilio --public-url https://hooks.example.com/twilio
  caddy webhooks send slack http://127.0.0.1:8080/slack event.json
  caddy webhooks send stripe http://127.0.0.1:8080/stripe --stale
  caddy webhooks send github http://127.0.0.1:8080/github --tamper=body
  caddy webhooks send github http://127.0.0.1:8080/github --duplicate 2
  caddy webhooks send slack http://127.0.0.1:8080/slack --handshake
  caddy webhooks send github http://127.0.0.1:8080/github --rate 200 --duration 30s
  caddy webhooks send discord http://127.0.0.1:8080/discord --secret-file key.pem
  caddy webhooks send hmac http://127.0.0.1:8080/acme --secret-env ACME_SECRET \
    --signature-header X-Acme-Signature --prefix sha256= --header "X-Acme-Delivery: 1"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && (fresh.asked() || o.PublicKey) {
				return nil
			}
			if len(args) == 3 && o.Body != "" {
				return usageError("the body is given twice, as %s and with --body", args[2])
			}
			return cobra.RangeArgs(2, 3)(cmd, args)
		},
		ValidArgsFunction: completeProvider(2),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			o.Provider, o.Stdin = args[0], cmd.InOrStdin()
			o.Notes, o.Progress = cmd.ErrOrStderr(), cmd.ErrOrStderr()
			if fresh.asked() {
				return fresh.make(o, cmd)
			}
			if len(args) > 1 {
				o.URL = args[1]
			}
			if len(args) > 2 {
				o.Body = args[2]
				if err := maybeAmount(o.Body); err != nil {
					return err
				}
			}
			return cli.Send(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Body, "body", "", "`file` with the body, as the third argument")
	eventFlags(cmd, &o, &fresh)
	f.StringVar(&o.PublicURL, "public-url", "", "`URL` that the sender signs, if it signs one (default: the URL)")
	f.IntVar(&o.Faults.Duplicate, "duplicate", 0, "send each request so many more times, byte for byte")
	amountVar(f, &o.Faults.Slow, "slow", "10s", "let the body take so long, such as --slow=`10s`")
	f.BoolVar(&o.Handshake, "handshake", false, "send the challenges of the provider, and check the answers")
	f.IntVar(&o.Count, "count", 0, "how many events (default: 1, or no end with --duration)")
	f.Float64Var(&o.Rate, "rate", 0, "so many events a second; needs --count or --duration")
	f.IntVar(&o.Concurrency, "concurrency", 0, "so many connections (default: 1, or up to 100 with --rate)")
	f.DurationVar(&o.Duration, "duration", 0, "send for so long, such as 30s")
	f.IntVar(&o.Expect, "expect", 0, "expected `status` (default: any 2xx; with a fault that has to be refused any 4xx that can be about it)")
	f.BoolVar(&o.PublicKey, "public-key", false, "print the public half of the private key and send nothing")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each answer, or one for a summary")
	return cmd
}

// eventFlags adds the flags that say what an event is and how it is signed.
func eventFlags(cmd *cobra.Command, o *cli.SendOptions, fresh *freshKeys) {
	f := cmd.Flags()
	f.StringVar(&o.Type, "type", "", "type of the event, as the sender writes it")
	f.StringVar(&o.ID, "id", "", "id of the event (default: a fresh one)")
	f.StringArrayVar(&o.Headers, "header", nil, "further `\"Name: value\"`; may be repeated")
	f.StringVar(&o.SecretEnv, "secret-env", "", "environment `variable` with the secret")
	f.StringVar(&o.SecretFile, "secret-file", "", "`file` with the secret or the private key")
	f.StringArrayVar(&o.Options, "option", nil, "option of the provider, `name=value`; may be repeated")
	f.StringArrayVar(&o.OptionEnvs, "option-env", nil, "option whose value is in an environment variable, `name=VARIABLE`; may be repeated")
	f.StringVar(&fresh.file, "generate-key", "", "make a private key in this new `file`, print what the gateway needs, and do no more")
	f.BoolVar(&fresh.secret, "generate-secret", false, "print a fresh secret in the provider's format, and do no more")
	f.BoolVar(&o.Gzip, "gzip", false, "compress bodies, before the signature or after it, as the sender does")
	amountVar(f, &o.Faults.Stale, "stale", "", "sign at a time before the replay window; --stale=`2h` chooses how long ago")
	amountVar(f, &o.Faults.Future, "future", "", "sign at a time after the replay window; --future=`2h` chooses how far ahead")
	f.BoolVar(&o.Faults.WrongKey, "wrong-key", false, "sign with a random key of the same kind")
	f.StringVar(&o.Faults.Tamper, "tamper", "", "change this `part` after signing: "+strings.Join(cli.Tampers, ", ")+" (without a value: body)")
	f.Lookup("tamper").NoOptDefVal = cli.TamperBody
	d := &o.Describe
	f.StringVar(&d.Hash, "hash", "", "hmac: sha1, sha256, sha384 or sha512 (default: sha256)")
	f.StringVar(&d.SignatureHeader, "signature-header", "", "hmac: header of the signature (default: X-Signature)")
	f.StringVar(&d.Prefix, "prefix", "", "hmac: text before the signature, such as sha256=")
	f.StringVar(&d.Encoding, "encoding", "", "hmac: hex, base64 or base64url (default: hex)")
	f.StringVar(&d.Content, "content", "", `hmac: what is signed, such as "{timestamp}.{body}" (default: {body})`)
	f.StringVar(&d.TimestampHeader, "timestamp-header", "", "hmac: header of the time in Unix seconds (default: no time)")
	completeValues(cmd, "tamper", cli.Tampers...)
	completeValues(cmd, "hash", "sha1", "sha256", "sha384", "sha512")
	completeValues(cmd, "encoding", "hex", "base64", "base64url")
	completeOptions(cmd, "option")
	completeOptions(cmd, "option-env")
}

// freshKeys are the flags that make a key or a secret.
type freshKeys struct {
	file   string
	secret bool
}

func (k *freshKeys) asked() bool { return k.file != "" || k.secret }

func (k *freshKeys) make(o cli.SendOptions, cmd *cobra.Command) error {
	if k.file != "" && k.secret {
		return usageError("--generate-key and --generate-secret: a provider has one or the other")
	}
	if k.secret {
		return cli.GenerateSecret(o, cmd.OutOrStdout())
	}
	return cli.GenerateKey(o, k.file, cmd.OutOrStdout())
}

// amount is a flag with an amount of time that may be left out.
type amount struct{ to *time.Duration }

// amountVar adds such a flag. Otherwise is its value where none is given; "" means
// [cli.Auto].
func amountVar(f *pflag.FlagSet, to *time.Duration, name, otherwise, usage string) {
	if otherwise == "" {
		otherwise = "auto"
	}
	f.VarPF(&amount{to}, name, "", usage).NoOptDefVal = otherwise
}

// Set reads a duration such as 90s or 2h.
func (a *amount) Set(text string) error {
	if text == "auto" {
		*a.to = cli.Auto
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("write an amount of time such as 90s, 5m or 2h")
	}
	*a.to = d
	return nil
}

// String is empty, which is the default.
func (*amount) String() string { return "" }

// Type is what --help says that it takes.
func (*amount) Type() string { return "duration" }

// maybeAmount is about what was meant for --stale and is taken for a file.
func maybeAmount(file string) error {
	if _, err := time.ParseDuration(file); err != nil {
		return nil
	}
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	return usageError("%s is taken for the file with the body: write --stale=%s with =, and likewise --future and --slow", file, file)
}
