package caddymodule

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func providersCommand() *cobra.Command {
	var o cli.ProvidersOptions
	cmd := &cobra.Command{
		Use:   "providers [name]",
		Short: "Lists the senders whose signatures are known, or describes one",
		Long: `
Lists the catalogue: how each sender proves itself, what its signature covers,
how long a captured request could be sent again, and where the id is by which
retries are recognised. The flags choose among them, all at once; on a terminal
long cells are cut, and --json has everything.

With a name or an alias: what to click at the sender, the lines for the Caddyfile,
what is signed and what is not, handshakes, retries, what receivers get wrong, and
where the facts are from.

The exit status is 1 if the flags choose nobody, and 2 if there is no provider of
that name; those that may be meant are named.`,
		Example: `  caddy webhooks providers
  caddy webhooks providers stripe
  caddy webhooks providers --search shop --scheme hmac
  caddy webhooks providers --covers time,id --signable --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: runE(func(_ context.Context, cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Name = args[0]
			}
			return cli.Providers(cmd.OutOrStdout(), o)
		}),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completeName(cmd, args, typed)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Search, "search", nil, "`text` in the name, the title, an alias, the category, the scheme or the signature's header; may be repeated")
	f.StringVar(&o.Scheme, "scheme", "", "only those with this `scheme`, or one that begins so, such as hmac or hmac-sha256")
	f.StringVar(&o.Category, "category", "", "only those of a category: "+strings.Join(verifiers.Categories, ", "))
	f.StringSliceVar(&o.Covers, "covers", nil, "only those whose signature covers these `parts`, separated by commas: "+strings.Join(cli.Covered, ", "))
	f.BoolVar(&o.Signable, "signable", false, "only those whose events can be signed here")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	completeValues(cmd, "scheme", cli.Schemes()...)
	completeValues(cmd, "category", verifiers.Categories...)
	completeValues(cmd, "covers", cli.Covered...)
	return cmd
}
