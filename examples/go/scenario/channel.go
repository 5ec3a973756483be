package main

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"example.com/llmprices-client/credentials"
)

const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [
      {"service": "llmprices.v1.PricingService"},
      {"service": "llmprices.v1.CatalogService"}
    ],
    "timeout": "10s",
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.1s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }, {
    "name": [
      {"service": "llmprices.v1.PricingService", "method": "StreamAllocateCharges"},
      {"service": "llmprices.v1.PricingService", "method": "ImportLLMPrices"}
    ],
    "timeout": "600s"
  }]
}`

// connect makes the one channel of a process. An address like dns:///llmprices:50051 stands for all
// addresses behind the name.
func connect(address string) (*grpc.ClientConn, error) {
	options, err := credentials.FromEnvironment()
	if err != nil {
		return nil, err
	}
	options = append(options,
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:    time.Minute,
			Timeout: 20 * time.Second,
		}),
	)
	return grpc.NewClient(address, options...)
}
