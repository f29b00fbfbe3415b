package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// attestationStatus is what consumers need to check signatures.
type attestationStatus struct {
	KeyID     string `json:"key_id"`
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"public_key"`
}

// checkAttest reads the key with which events are signed, if there is one.
func (a *App) checkAttest() error {
	if a.Attest == "" {
		return nil
	}
	secret, err := resolveSecret(a.Attest, false)
	if err != nil {
		return fmt.Errorf("attest: %w", err)
	}
	if a.attester, err = natspub.NewAttester([]byte(secret)); err != nil {
		return fmt.Errorf("attest: %s: %w", secretLabel(a.Attest), err)
	}
	return nil
}

func (a *App) attestationStatus() *attestationStatus {
	if a.attester == nil {
		return nil
	}
	return &attestationStatus{KeyID: a.attester.KeyID(), Algorithm: "Ed25519", PublicKey: a.attester.PublicKey()}
}

// attest <placeholder>
func (a *App) parseAttest(d *caddyfile.Dispenser) error {
	if err := parseString(d, &a.Attest); err != nil {
		return err
	}
	if err := checkSecretReference(a.Attest); err != nil {
		return d.Errf("attest: %w", err)
	}
	return nil
}
