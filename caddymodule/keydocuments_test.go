package caddymodule

import (
	"context"
	"errors"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

type fetched struct{ asked []string }

func (f *fetched) Fetch(_ context.Context, _ verifiers.Pin, url string) ([]byte, error) {
	f.asked = append(f.asked, url)
	return []byte("of the network"), nil
}

// What is in a file is not fetched, everything else is, and a pin holds for both.
func TestKeyDocuments(t *testing.T) {
	t.Parallel()
	network := &fetched{}
	k := &keyDocuments{Fetcher: network, documents: map[string][]byte{"https://keys.example.com/a": []byte("of the file")}}
	pin := verifiers.Pin{Hosts: []string{"keys.example.com"}}
	for url, want := range map[string]string{"https://keys.example.com/a": "of the file", "https://keys.example.com/b": "of the network"} {
		if doc, err := k.Fetch(t.Context(), pin, url); err != nil || string(doc) != want {
			t.Errorf("%s: got %q, %v; want %q", url, doc, err, want)
		}
	}
	if len(network.asked) != 1 || network.asked[0] != "https://keys.example.com/b" {
		t.Errorf("the network was asked for %q", network.asked)
	}
	if _, err := k.Fetch(t.Context(), verifiers.Pin{Hosts: []string{"other.example.com"}}, "https://keys.example.com/a"); !errors.Is(err, verifiers.ErrUntrusted) {
		t.Errorf("outside the pin: got %v, want %v", err, verifiers.ErrUntrusted)
	}
}
