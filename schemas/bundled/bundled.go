// Package bundled holds the schemas of providers that come with the program.
//
// They are written from the providers' documentation and are meant to be kept
// beside a consumer for years: they require what a provider documents as always
// there, permit members that are not documented, and leave enumerations open
// that a provider is known to extend.
//
// A provider has one directory, by its name in the catalogue, or that of another
// whose events are the same. Its files are chosen by name, as [schemas.Config] says: invoice.paid.json is for the type
// "invoice.paid" and those below it, envelope.json for all others, and files that
// begin with "_" hold what others refer to.
//
// testdata/<provider>/<name>.json holds samples of events that fit and of events
// that do not; each schema has at least one of both.
//
// [schemas.Config]: https://pkg.go.dev/github.com/caddy-webhooks/caddy-webhooks/schemas#Config
package bundled

import (
	"embed"
	"io/fs"
	"maps"
	"slices"
)

// The pattern names files, so that those with "_" are embedded as well; it does
// not reach the samples, which are one level further down.
//
//go:embed */*.json
var files embed.FS

// same are providers that send what another one sends, and only prove it
// otherwise, or whose events have the form of a specification and no more.
var same = map[string]string{
	"gitlab-signing-token":      "gitlab",
	"hubspot-v1":                "hubspot-v3",
	"hubspot-v2":                "hubspot-v3",
	"polar":                     "standard-webhooks",
	"standard-webhooks-ed25519": "standard-webhooks",
}

// FS returns the schemas of a provider, by its name in the catalogue, and whether
// there are any.
func FS(provider string) (fs.FS, bool) {
	dir := Directory(provider)
	if dir == "" {
		return nil, false
	}
	sub, err := fs.Sub(files, dir)
	return sub, err == nil
}

// Directory returns the provider whose schemas a provider has: itself, or one
// whose events are the same; "" if there are none.
func Directory(provider string) string {
	if dir, ok := same[provider]; ok {
		return dir
	}
	if slices.Contains(directories(), provider) {
		return provider
	}
	return ""
}

// Providers returns the names of the providers that have schemas, in order.
func Providers() []string {
	return slices.Sorted(maps.Keys(all()))
}

// all returns the directory of each provider.
func all() map[string]string {
	list := maps.Clone(same)
	for _, name := range directories() {
		list[name] = name
	}
	return list
}

// directories returns the providers that have a directory of their own.
func directories() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // it is a part of the program
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}
