package caddymodule

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
)

func verifyCommand() *cobra.Command {
	var o cli.VerifyOptions
	var fetch bool
	cmd := &cobra.Command{
		Use:   "verify <provider> [file|-]",
		Short: "Says whether a captured request is authentic, and if not, why",
		Long: `
Reads a captured request and says whether the gateway would accept it; and if not,
what is wrong: it tries what editors, proxies, frameworks and people do to bodies,
URLs, headers and secrets, and names the change with which the signature fits. It
shows what is signed, with the secret left out, and never a signature that would be
right. Nothing is sent, and nothing in the capture is executed.

A capture is the text of an HTTP request, a HAR file of a browser or a proxy, a curl
command line for bash or cmd.exe, or what ` + "`caddy webhooks`" + ` prints with --json: sign,
quarantine show, and tail. Of several requests all are judged, or the one that
--entry says.

The secret is the one that the gateway has: in the environment variable
<PROVIDER>_WEBHOOK_SECRET, or in the variables and files that --secret-env and
--secret-file name; of several each is tried. For senders that sign with a private
key it is the public key. Keys that the sender publishes are read only with
--fetch-keys.

A capture becomes too old: it is judged as of the time at which it was captured, or,
if it does not say that, as of the one that is signed. --at says another.

The exit status is 0 if all are authentic, 1 if one is not, 2 if the capture cannot
be read, and 3 if keys would have to be fetched and were not.`,
		Example: `  caddy webhooks verify stripe request.txt
  caddy webhooks verify github - < request.txt
  caddy webhooks verify slack browser.har --entry 2
  caddy webhooks verify twilio command.sh --public-url https://hooks.example.com
  caddy webhooks verify stripe request.txt --secret-env LIVE_SECRET --secret-env TEST_SECRET --at now
  caddy webhooks verify github event.json --json
  caddy webhooks verify hmac request.txt --secret-env ACME_SECRET \
    --signature-header X-Acme-Signature --prefix sha256=
  caddy webhooks verify --detect request.txt`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: completeProvider(1),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			// A capture without the name of a provider is to be recognised.
			o.Detect = o.Detect || len(args) == 1 && args[0] == "-"
			switch {
			case o.Detect && len(args) == 2:
				return usageError("--detect finds the provider: leave its name out")
			case o.Detect && len(args) == 1:
				o.File = args[0]
			case len(args) == 0 && !o.Detect:
				return usageError("name the provider, such as `caddy webhooks verify stripe request.txt`, or write --detect")
			case len(args) > 0:
				o.Provider = args[0]
				if len(args) == 2 {
					o.File = args[1]
				}
			}
			if fetch {
				o.Fetcher = keyfetch.New(keyfetch.Config{})
			}
			o.Stdin, o.Progress = cmd.InOrStdin(), cmd.ErrOrStderr()
			return cli.Verify(ctx, o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.Format, "format", "", "`format` of the capture: "+strings.Join(cli.CaptureFormats, ", ")+" (default: it is recognised)")
	f.IntVar(&o.Entry, "entry", 0, "judge this one of several requests, from 1 on (default: all)")
	f.BoolVar(&o.AllowFiles, "allow-files", false, "read the files that a curl command line names with @")
	f.StringVar(&o.At, "at", "", "judge the age as of this `time`: now, signed, or in RFC 3339 (default: that of the capture, else signed)")
	f.DurationVar(&o.Tolerance, "tolerance", 0, "replay window of the gateway (default: the provider's)")
	f.StringVar(&o.PublicURL, "public-url", "", "public_url of the gateway's configuration, `URL` under which the sender reaches it")
	f.StringArrayVar(&o.SecretEnvs, "secret-env", nil, "environment `variable` with a secret or a public key; may be repeated")
	f.StringArrayVar(&o.SecretFiles, "secret-file", nil, "`file` with a secret or a public key; may be repeated")
	f.StringArrayVar(&o.Options, "option", nil, "option of the provider, `name=value`; may be repeated")
	f.StringArrayVar(&o.OptionEnvs, "option-env", nil, "secret option of the provider, `name=VARIABLE` of the environment; may be repeated")
	f.BoolVar(&fetch, "fetch-keys", false, "read keys that the sender publishes from its servers")
	f.BoolVar(&o.Detect, "detect", false, "say which senders it may be from, by its headers, and verify nothing")
	f.BoolVar(&o.Full, "full", false, "show what is signed in full length")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object for each request")
	d := &o.Describe
	f.StringVar(&d.Hash, "hash", "", "hmac: sha1, sha256, sha384 or sha512 (default: sha256)")
	f.StringVar(&d.SignatureHeader, "signature-header", "", "hmac: header of the signature (default: X-Signature)")
	f.StringVar(&d.Prefix, "prefix", "", "hmac: text before the signature, such as sha256=")
	f.StringVar(&d.Encoding, "encoding", "", "hmac: hex, base64 or base64url (default: hex)")
	f.StringVar(&d.Content, "content", "", `hmac: what is signed, such as "{timestamp}.{body}" (default: {body})`)
	f.StringVar(&d.TimestampHeader, "timestamp-header", "", "hmac: header of the time in Unix seconds (default: no time)")
	completeValues(cmd, "format", cli.CaptureFormats...)
	completeValues(cmd, "at", "now", "signed")
	completeValues(cmd, "hash", "sha1", "sha256", "sha384", "sha512")
	completeValues(cmd, "encoding", "hex", "base64", "base64url")
	completeOptions(cmd, "option")
	completeOptions(cmd, "option-env")
	return cmd
}
