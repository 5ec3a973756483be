// Writes and calculates until its standard input ends, for the suite that stops replicas: FIRST_MODEL
// ADDRESS... Prints a line of JSON for each write, for each call that failed, and for the number of calls.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	llmprices "example.com/llmprices-client/gen/llmprices/v1"
)

// As docs/clients.md has it.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "llmprices.v1.PricingService"}],
    "timeout": "10s",
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.1s",
      "maxBackoff": "2s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

func main() {
	firstModel, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	channel := connect(os.Args[2:])
	defer channel.Close()
	pricing := llmprices.NewPricingServiceClient(channel)

	var isOver atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		isOver.Store(true)
	}()
	calls := 0
	for i := 0; !isOver.Load(); i++ {
		calls += writeAndCalculate(pricing, fmt.Sprint("model-", firstModel+i), fmt.Sprintf("1.%06d1", i))
		time.Sleep(5 * time.Millisecond)
	}
	printLine(map[string]any{"calls": calls})
}

// connect makes one channel to all replicas.
func connect(addresses []string) *grpc.ClientConn {
	replicas := manual.NewBuilderWithScheme("replicas")
	var state resolver.State
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{
			Addresses: []resolver.Address{{Addr: address}},
		})
	}
	replicas.InitialState(state)
	channel, err := grpc.NewClient("replicas:///all",
		grpc.WithResolvers(replicas),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
	)
	if err != nil {
		log.Fatal(err)
	}
	return channel
}

// writeAndCalculate creates a price and calculates by it some times. It answers how many calls it made.
func writeAndCalculate(pricing llmprices.PricingServiceClient, model, price string) int {
	ctx := context.Background()
	requestID := uuid.NewString()
	created, err := pricing.CreateLLMPrice(ctx, &llmprices.CreateLLMPriceRequest{
		ChargeType: "completion", Provider: "acme", Model: model, Price: price,
		RequestId: requestID, Reason: requestID,
	})
	if err != nil {
		printLine(map[string]any{"failed": err.Error()})
		return 1
	}
	printLine(map[string]any{
		"requestId": requestID, "model": model, "price": price, "version": fmt.Sprint(created.BookVersion),
		"effectiveFrom": created.LlmPrice.EffectiveFrom.AsTime().UnixMilli(),
	})
	for range calculations {
		charge, err := pricing.CalculateCharge(ctx, &llmprices.CalculateChargeRequest{
			ChargeType: "completion", Provider: "acme", Model: model, ProviderCost: "1",
			UsageRatio:     &llmprices.CalculateChargeRequest_AccountUsageRatio{AccountUsageRatio: "1"},
			MinBookVersion: created.BookVersion,
		})
		if err != nil {
			printLine(map[string]any{"failed": err.Error()})
		} else if charge.Markup != price {
			printLine(map[string]any{"failed": "charged at " + charge.Markup + ", not at " + price})
		}
	}
	return 1 + calculations
}

func printLine(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

const calculations = 5
