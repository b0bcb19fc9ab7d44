// That this project has the types of Express 5, whose parameters may be lists.

import type { Request } from 'express'
import { same } from '../same.ts'

same<string | string[], Request['params'][string]>()
