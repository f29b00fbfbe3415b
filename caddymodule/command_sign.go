package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func signCommand() *cobra.Command {
	var o cli.SignOptions
	var fresh freshKeys
	var curl, headers, asJSON bool
	cmd := &cobra.Command{
		Use:   "sign <provider> [file|-]",
		Short: "Signs a test event as its sender would, and prints the request",
		Long: `
Prints the request that the provider would send now, and sends nothing: as it is on
the wire in HTTP/1.1, as a command line of curl, as headers, or as JSON. What is
printed is what "caddy webhooks send" sends, and "caddy webhooks verify" reads it.

Without a file the event is a small sample with a fresh id. A body that is given
stays as it is, byte for byte.

Some senders sign the URL: name with --url the one that they would send to, scheme
and query included. Where a sender repeats a secret with each request, as GitLab
does with its token, the secret is in what is printed.

Secrets and private keys come from where "caddy webhooks send" has them;
--generate-secret and --generate-key make them. The faults --stale, --future,
--wrong-key and --tamper make a request that a receiver has to refuse.`,
		Example: `  caddy webhooks sign github
  caddy webhooks sign stripe event.json --url https://hooks.example.com/stripe
  caddy webhooks sign slack --curl --url http://127.0.0.1:8080/slack
  caddy webhooks sign twilio --headers --url https://hooks.example.com/twilio
  caddy webhooks sign github --json | jq -r .headers
  caddy webhooks sign standard-webhooks --stale=2h
  caddy webhooks sign stripe --generate-secret
  caddy webhooks sign discord --generate-key key.pem`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeProvider(1),
		RunE: runE(func(_ context.Context, cmd *cobra.Command, args []string) error {
			o.Provider, o.Stdin, o.Notes, o.JSON = args[0], cmd.InOrStdin(), cmd.ErrOrStderr(), asJSON
			switch {
			case fresh.asked():
				return fresh.make(o.SendOptions, cmd)
			case len(args) > 1:
				o.Body = args[1]
				if err := maybeAmount(o.Body); err != nil {
					return err
				}
			}
			switch {
			case curl:
				o.Form = cli.FormCurl
			case headers:
				o.Form = cli.FormHeaders
			case asJSON:
				o.Form = cli.FormJSON
			}
			return cli.Sign(o, cmd.OutOrStdout())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.URL, "url", "", "`URL` that it is for (default: https://hooks.example.com/<provider>)")
	f.BoolVar(&curl, "curl", false, "print a command line of curl")
	f.BoolVar(&headers, "headers", false, "print the headers alone")
	f.BoolVar(&asJSON, "json", false, "print method, url, headers and body, or body_base64, as JSON")
	eventFlags(cmd, &o.SendOptions, &fresh)
	cmd.MarkFlagsMutuallyExclusive("curl", "headers", "json")
	return cmd
}
