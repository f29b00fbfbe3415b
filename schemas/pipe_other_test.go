//go:build !unix

package schemas_test

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
