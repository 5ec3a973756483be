// Package credentials reads TLS and a token from the environment.
package credentials

import (
	"context"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// FromEnvironment returns the options of a channel: TLS if LLMPRICES_CA_FILE names the authority, else
// plaintext, and the token in LLMPRICES_TOKEN.
func FromEnvironment() ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if caFile := os.Getenv("LLMPRICES_CA_FILE"); caFile != "" {
		tls, err := credentials.NewClientTLSFromFile(caFile, "")
		if err != nil {
			return nil, err
		}
		transport = tls
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if token := os.Getenv("LLMPRICES_TOKEN"); token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(token)))
	}
	return options, nil
}

// bearer is a token that is sent with every call.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

// RequireTransportSecurity makes a channel with a token fail without TLS.
func (bearer) RequireTransportSecurity() bool { return true }
