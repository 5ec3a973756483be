// Calculates a charge from a provider's answer: ADDRESS FILE.
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

	// The answer as it came. With anthropic-sdk-go it is message.RawJSON().
	answer, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	charge, err := pricing.CalculateCharge(ctx, &llmprices.CalculateChargeRequest{
		ChargeType: "completion",
		Provider:   "anthropic",
		Model:      "claude-sonnet-4-5",
		Usage: &llmprices.Usage{
			Format:  llmprices.UsageFormat_USAGE_FORMAT_ANTHROPIC_MESSAGES,
			RawJson: string(answer),
		},
		UsageRatio: &llmprices.CalculateChargeRequest_AccountUsageRatio{AccountUsageRatio: "1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	rated := charge.RatedUsage
	fmt.Printf("charge: %s %s, findings: %d\n",
		charge.AccountCharge, charge.CurrencyCode, len(rated.Findings))
	for _, line := range rated.Lines {
		fmt.Printf("%s: %s at %s per %d is %s\n",
			line.Bucket, line.Quantity, line.Rate.Rate, line.Rate.Per, line.Amount)
	}
}
