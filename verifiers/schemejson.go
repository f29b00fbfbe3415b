package verifiers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// UnmarshalScheme reads a scheme from a JSON object: the member "scheme" is one
// of "hmac", "digest", "ed25519", "ecdsa", "rsa", "jwt", "token" and "basic", and the
// others are the fields of the type by that name. Durations are strings like
// "5m". A member that is not known, or a scheme that cannot work, is an error.
// Headers may be written in any case.
func UnmarshalScheme(data []byte) (Scheme, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, fmt.Errorf("reading the scheme: %w", err)
	}
	var name string
	if err := json.Unmarshal(members["scheme"], &name); err != nil {
		return nil, errors.New("reading the scheme: the member \"scheme\" must be its name")
	}
	delete(members, "scheme")
	for key := range members {
		if key != strings.ToLower(key) {
			return nil, fmt.Errorf("reading the scheme %s: unknown field %q", name, key)
		}
	}
	if raw, ok := members["tolerance"]; ok {
		nanoseconds, err := readDuration(raw)
		if err != nil {
			return nil, fmt.Errorf("reading the scheme %s: tolerance: %w", name, err)
		}
		members["tolerance"] = nanoseconds
	}
	plain, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("reading the scheme %s: %w", name, err)
	}
	s, err := decodeScheme(name, plain)
	if err != nil {
		return nil, fmt.Errorf("reading the scheme %s: %w", name, err)
	}
	return s, nil
}

func decodeScheme(name string, data []byte) (Scheme, error) {
	switch name {
	case "hmac":
		s, err := strictDecode[HMAC](data)
		s.Signed = s.canonical()
		return checked(s, err)
	case "digest":
		s, err := strictDecode[Digest](data)
		s.Signed = s.canonical()
		return checked(s, err)
	case "ed25519":
		s, err := strictDecode[Ed25519](data)
		s.Signed = s.canonical()
		return checked(s, err)
	case "ecdsa":
		s, err := strictDecode[ECDSA](data)
		s.Signed = s.canonical()
		return checked(s, err)
	case "rsa":
		s, err := strictDecode[RSA](data)
		s.Signed = s.canonical()
		return checked(s, err)
	case "jwt":
		s, err := strictDecode[JWT](data)
		s.Token = s.Token.canonical()
		return checked(s, err)
	case "token":
		s, err := strictDecode[Token](data)
		s.Source = s.Source.canonical()
		return checked(s, err)
	case "basic":
		s, err := strictDecode[Basic](data)
		return checked(s, err)
	}
	return nil, errors.New("it is not one of hmac, digest, ed25519, ecdsa, rsa, jwt, token, basic")
}

func strictDecode[T any](data []byte) (v T, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err = dec.Decode(&v)
	return v, err
}

func checked(s interface {
	Scheme
	checker
}, err error,
) (Scheme, error) {
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s Signed) canonical() Signed {
	s.Signature, s.Timestamp, s.ID = s.Signature.canonical(), s.Timestamp.canonical(), s.ID.canonical()
	return s
}

func readDuration(raw json.RawMessage) (json.RawMessage, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, errors.New("a duration is a string like \"5m\"")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, err
	}
	return json.Marshal(int64(d))
}

// MarshalScheme writes a scheme of this package as [UnmarshalScheme] reads it.
// A scheme with a Custom function, or one of another package, is an error.
func MarshalScheme(s Scheme) ([]byte, error) {
	var name string
	var custom AppendFunc
	switch s := s.(type) {
	case HMAC:
		name, custom = "hmac", s.Custom
	case Digest:
		name, custom = "digest", s.Custom
	case Ed25519:
		name, custom = "ed25519", s.Custom
	case ECDSA:
		name, custom = "ecdsa", s.Custom
	case RSA:
		name, custom = "rsa", s.Custom
	case JWT:
		name = "jwt"
	case Token:
		name = "token"
	case Basic:
		name = "basic"
	default:
		return nil, fmt.Errorf("writing the scheme: %T has no JSON form", s)
	}
	if custom != nil {
		return nil, errors.New("writing the scheme: a custom function has no JSON form")
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing the scheme: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(plain, &members); err != nil {
		return nil, fmt.Errorf("writing the scheme: %w", err)
	}
	if raw, ok := members["tolerance"]; ok {
		var d time.Duration
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("writing the scheme: %w", err)
		}
		if members["tolerance"], err = json.Marshal(d.String()); err != nil {
			return nil, fmt.Errorf("writing the scheme: %w", err)
		}
	}
	members["scheme"] = json.RawMessage(`"` + name + `"`)
	return json.Marshal(members)
}
