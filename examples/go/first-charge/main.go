// Calculates a charge of the example price book.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"

	"example.com/llmprices-client/credentials"
	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

func main() {
	options, err := credentials.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	channel, err := grpc.NewClient(os.Args[1], options...)
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	pricing := llmprices.NewPricingServiceClient(channel)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	charge, err := pricing.CalculateCharge(ctx, &llmprices.CalculateChargeRequest{
		ChargeType:   "completion",
		Provider:     "anthropic",
		Model:        "claude-sonnet-4-5",
		ProviderCost: "1000.00",
		UsageRatio:   &llmprices.CalculateChargeRequest_AccountUsageRatio{AccountUsageRatio: "0.25"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("first charge:", charge.AccountCharge)
}
