package caddymodule

import (
	"slices"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "webhooks",
		Usage: "<command>",
		Short: "Plays senders, shows, replays and looks after stored webhooks, and checks configurations",
		Long: `
Tools for webhooks. Each command has --help, with examples.

Commands about senders need nothing that runs, but for the URL that they send to.
Those about stored events ask the running gateway through Caddy's admin API, or NATS
on a connection of their own; docs/cli.md says which does what, and lists exit
statuses and environment variables.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(listenCommand(), showCommand(), spoolCommand())
			cmd.AddCommand(initCommand(), doctorCommand())
			cmd.AddCommand(sendCommand(), tailCommand(), replayCommand(), quarantineCommand(), dedupeCommand(), filterCommand(), schemaCommand(), providersCommand())
			cmd.AddCommand(asyncapiCommand(), natsPermissionsCommand())
			cmd.AddCommand(signCommand())
			cmd.AddCommand(conformanceCommand())
			cmd.AddCommand(verifyCommand())
			group(cmd)
			conventions(cmd)
		},
	})
}

// commandGroups are what the help of `caddy webhooks` lists, and which commands.
var commandGroups = []struct {
	title    string
	commands []string
}{
	{"Senders and receivers:", []string{"providers", "sign", "send", "verify", "conformance"}},
	{"Stored events:", []string{"tail", "show", "listen", "replay", "quarantine", "dedupe", "spool"}},
	{"Configurations and contracts:", []string{"init", "doctor", "filter", "schema", "asyncapi", "nats-permissions"}},
}

// group puts the commands under headings.
func group(cmd *cobra.Command) {
	for _, g := range commandGroups {
		cmd.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range cmd.Commands() {
			if slices.Contains(g.commands, c.Name()) {
				c.GroupID = g.title
			}
		}
	}
}
